"""What every unit of a model does on a corpus: examples, distribution and statistics, read from disk a unit at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from backend.methods.neurons.unit import Unit, position_of
from backend.methods.question import Corpus
from backend.store.histogram import Counted, standardised_moments
from backend.store.index_file import (
    BEFORE,
    NO_SLOT,
    OUTSIDE,
    RANDOM_SLOTS,
    SAMPLED,
    IndexDamaged,
    Manifest,
    index_path,
    read_head,
)

__all__ = [
    "BANDS", "HIGH_BAND", "MIDDLE_BAND", "QUANTILES", "STATISTICS", "Band", "Example", "IndexDamaged", "Manifest", "UnitIndex",
    "UnitRecord", "open_index",
]  # fmt: skip

Band = Literal["top", "high", "middle", "random", "bottom"]
BANDS: tuple[Band, ...] = get_args(Band)
STATISTICS = ("mean", "deviation", "skewness", "kurtosis", "minimum", "maximum", "firing_rate")
QUANTILES = (0.5, 0.9, 0.99, 0.998)
HIGH_BAND, MIDDLE_BAND = (0.99, 0.999), (0.5, 0.9)


@dataclass(frozen=True)
class Example:
    """An item of the corpus in which the unit was read.

    value: the activation at `place`: the largest in the item ("top", "high", "random"), the smallest ("bottom"), or that of a
        position drawn at random ("middle").
    place: the token's number in its sequence, or the cell's in the layer's map, row by row.
    window: float32, activations of the tokens from `window_start` on, to a 127th of the largest; empty for images.
    """

    value: float
    item: int
    place: int
    window: np.ndarray
    window_start: int


@dataclass(frozen=True)
class UnitRecord:
    """All that the index knows of one unit, over all positions but the first of each sequence.

    counts: uint32 (64,), activations in equal bins between low and high; the outer bins also hold all beyond.
    deviation: the standard deviation. skewness, kurtosis: of the standardised third and fourth power, 0 and 3 for a Gaussian.
    firing_rate: the share of positions with an activation above 0. quantiles: by share, read from the histogram.
    """

    counts: np.ndarray
    low: float
    high: float
    minimum: float
    maximum: float
    mean: float
    deviation: float
    skewness: float
    kurtosis: float
    firing_rate: float
    quantiles: dict[float, float]
    examples: dict[Band, tuple[Example, ...]]


def open_index(model: str, revision: str, corpus: Corpus) -> UnitIndex | None:
    """The last checkpoint of that index; None where there is none made by this code. Raises IndexDamaged where it is cut off."""
    path = index_path(model, revision, corpus)
    found = read_head(path)
    if found is None:
        return None
    manifest, file = found
    if (manifest.model, manifest.revision, manifest.corpus) != (model, revision, corpus):
        return None
    return UnitIndex(manifest, file)


class UnitIndex:
    """A read-only view of one checkpoint, memory-mapped: it stays as it was when a newer one takes its place."""

    def __init__(self, manifest: Manifest, file: Any) -> None:
        self.manifest = manifest
        self._file = file
        self._names = frozenset(file.keys())

    @cached_property
    def sampled_items(self) -> np.ndarray:
        """Items drawn uniformly from the corpus and passed so far, int32 (sampled,)."""
        items: np.ndarray = self._file.get_tensor("sampled_items")
        return items[: min(self.manifest.items, len(items))]

    def sampled_values(self, unit: Unit) -> np.ndarray:
        """The unit's largest activation in each sampled item, float32 (sampled,), rounded to half precision."""
        return self._row("sampled_values", self._position(unit))[: len(self.sampled_items)].astype(np.float32)

    def sampled_places(self, unit: Unit) -> np.ndarray:
        """Where in each sampled item that activation stands, int64 (sampled,)."""
        return self._row("sampled_places", self._position(unit))[: len(self.sampled_items)].astype(np.int64)

    @cached_property
    def all_sampled_values(self) -> np.ndarray:
        """`sampled_values` of every unit, layer after layer, float16 (units, sampled)."""
        values: np.ndarray = self._file.get_tensor("sampled_values")
        return values[:, : len(self.sampled_items)]

    def statistic(self, name: str) -> np.ndarray:
        """One statistic of every unit, layer after layer, float32 (units,). Raises KeyError for a name not in STATISTICS."""
        if name in ("minimum", "maximum"):
            return self._file.get_tensor(name)
        if name == "firing_rate":
            return (self._file.get_tensor("fired") / self._positions).astype(np.float32)
        return self._moments[name]

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays as the file holds them, copied: what a build needs to go on."""
        return {name: self._file.get_tensor(name) for name in self._names}

    def record(self, unit: Unit) -> UnitRecord:
        """What the index knows of one unit. Raises ParameterError where the model has none of that name."""
        at = self._position(unit)
        counts, total = self._row("counts", at), int(self._positions[at])
        low, high, minimum, maximum = (float(self._row(name, at)) for name in ("low", "high", "minimum", "maximum"))
        moments = standardised_moments(self._row("shift", at)[None], self._row("shift_sums", at)[None], np.array([total]))
        few = (self._row("bottom_values", at)[-1], self._row("top_values", at)[-1])
        held = Counted(counts[None], *(np.array([value]) for value in (low, high, minimum, maximum, *few)))

        def share(at_most: float) -> float:
            return float(held.quantile(at_most)[0])

        return UnitRecord(
            counts, low, high, minimum, maximum,
            **{name: float(values[0]) for name, values in moments.items()},
            firing_rate=float(self._row("fired", at)) / max(total, 1),
            quantiles={at_most: share(at_most) for at_most in QUANTILES},
            examples={
                "top": self._extremes("top", at),
                "high": self._banded("high", at, *map(share, HIGH_BAND)),
                "middle": self._banded("middle", at, *map(share, MIDDLE_BAND)),
                "random": self._random(at),
                "bottom": self._extremes("bottom", at),
            },
        )  # fmt: skip

    def _extremes(self, name: str, at: int) -> tuple[Example, ...]:
        values, items, places = (self._row(f"{name}_{part}", at) for part in ("values", "items", "places"))
        windows = self._windows(name, at)
        return tuple(
            _example(float(values[slot]), int(items[slot]), int(places[slot]), windows[slot])
            for slot in range(len(items))
            if items[slot] >= 0
        )

    def _banded(self, name: str, at: int, low: float, high: float) -> tuple[Example, ...]:
        """Examples were taken by the band's limits as they stood then; those that its limits now exclude are left out."""
        windows, slots = self._windows(name, at), self._row(f"{name}_slots", at)
        found = []
        for number, slot in enumerate(int(slot) for slot in slots if slot != NO_SLOT):
            if name == "middle":
                value, place = self._row("middle_values", at)[number], self._row("middle_places", at)[number]
            else:
                value, place = self._row("sampled_values", at)[slot], self._row("sampled_places", at)[slot]
            if low <= value <= high:
                found.append(_example(float(value), int(self.sampled_items[slot]), int(place), windows[number]))
        return tuple(found)

    def _random(self, at: int) -> tuple[Example, ...]:
        values, places = self._row("sampled_values", at), self._row("sampled_places", at)
        windows, items = self._windows("random", at), self.sampled_items
        return tuple(
            _example(float(values[slot]), int(items[slot]), int(places[slot]), windows[number])
            for number, slot in enumerate(RANDOM_SLOTS)
            if slot < len(items)
        )

    def _windows(self, name: str, at: int) -> list[np.ndarray]:
        """Of each example, float32 (tokens,), NaN beyond the sequence; of images empty."""
        if f"{name}_windows" not in self._names:
            return [np.empty(0, np.float32)] * SAMPLED
        steps, scales = self._row(f"{name}_windows", at), self._row(f"{name}_scales", at).astype(np.float32)
        return list(np.where(steps == OUTSIDE, np.nan, steps.astype(np.float32) * scales[:, None] / 127))

    @cached_property
    def _moments(self) -> dict[str, np.ndarray]:
        shift, sums = self._file.get_tensor("shift"), self._file.get_tensor("shift_sums")
        return {name: values.astype(np.float32) for name, values in standardised_moments(shift, sums, self._positions).items()}

    @cached_property
    def _positions(self) -> np.ndarray:
        """How many values were counted of each unit, int64 (units,), at least 1."""
        counts = [layer.count for layer in self.manifest.layers]
        return np.maximum(np.repeat(np.asarray(self.manifest.positions_of, np.int64), counts), 1)

    def _position(self, unit: Unit) -> int:
        return position_of(unit, self.manifest.layers)

    def _row(self, name: str, at: int) -> Any:
        return self._file.get_slice(name)[at : at + 1][0]


def _example(value: float, item: int, place: int, window: np.ndarray) -> Example:
    inside = np.flatnonzero(np.isfinite(window))
    if not len(inside):
        return Example(value, item, place, np.empty(0, np.float32), place)
    first, last = int(inside[0]), int(inside[-1])
    return Example(value, item, place, window[first : last + 1], place - BEFORE + first)
