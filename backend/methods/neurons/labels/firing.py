"""The places where a unit fires most, as its index remembers them, and how rare such places are in the corpus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from backend.methods.neurons.unit import Unit
    from backend.store.unit_index import Example, UnitIndex, UnitRecord

HALF = 0.5  # of the largest activation: above it a unit is said to fire strongly


@dataclass(frozen=True)
class Firing:
    """Strong activations among a unit's examples.

    places: int64 (places,), tokens of the corpus. weights: (places,), each example's places share its weight; sum 1.
    example: int (places,), which example a place is of. peaks: int64 (examples,), the strongest place of each.
    items: all texts the examples come from.
    threshold: activation above which a place counts. share: how much of the corpus lies above it, by the histogram.
    """

    places: np.ndarray
    weights: np.ndarray
    example: np.ndarray
    peaks: np.ndarray
    items: frozenset[int]
    threshold: float
    share: float


def examples_of(index: UnitIndex, unit: Unit) -> list[Example]:
    """The unit's largest activations and those in the uniformly drawn items, each item once, strongest first."""
    from backend.store.unit_index import Example

    record, found = index.record(unit), dict[int, Example]()
    drawn = zip(index.sampled_items, index.sampled_places(unit), index.sampled_values(unit), strict=True)
    sampled = [Example(float(v), int(i), int(p), np.empty(0, np.float32), int(p)) for i, p, v in drawn]
    for example in (*record.examples.get("top", ()), *record.examples.get("high", ()), *sampled):
        found.setdefault(example.item, example)
    return sorted(found.values(), key=lambda example: -example.value)


def seen_items(index: UnitIndex, unit: Unit) -> frozenset[int]:
    """Every item that a label may have been proposed from, and that no test may use."""
    bands = index.record(unit).examples.values()
    return frozenset(example.item for band in bands for example in band) | frozenset(map(int, index.sampled_items))


def firing(index: UnitIndex, unit: Unit, starts: np.ndarray) -> Firing | None:
    """Where a neuron fires at more than half of its maximum; None where it never rises above zero.

    starts: int64 (items + 1,), of the corpus' texts. Places are read from the windows around each example's peak.
    """
    examples = examples_of(index, unit)
    if not examples or examples[0].value <= 0:
        return None
    threshold = HALF * examples[0].value
    strong = [example for example in examples if example.value > threshold]
    own = [_strong_places(example, threshold, int(starts[example.item])) for example in strong]
    sizes = np.array(list(map(len, own)))
    places = np.concatenate(own)
    weights, number = np.repeat(1 / sizes / len(strong), sizes), np.repeat(np.arange(len(strong)), sizes)
    peaks = np.array([int(starts[example.item]) + example.place for example in strong], dtype=np.int64)
    items = frozenset(example.item for example in strong)
    return Firing(places, weights, number, peaks, items, threshold, share_above(index.record(unit), threshold))


def _strong_places(example: Example, threshold: float, start: int) -> np.ndarray:
    above = np.flatnonzero(np.asarray(example.window) > threshold) + example.window_start
    return np.union1d(above[above > 0], [example.place]).astype(np.int64) + start


def share_above(record: UnitRecord, threshold: float) -> float:
    """The share of places with an activation above the threshold, as if activations lay evenly in each bin."""
    counts = np.asarray(record.counts, dtype=np.float64)
    edges = np.linspace(record.low, record.high, len(counts) + 1)
    edges[0], edges[-1] = record.minimum, record.maximum  # the outer bins reach to the ends
    widths = np.diff(np.clip(edges, record.minimum, record.maximum))
    upper = np.clip(edges, record.minimum, record.maximum)[1:]
    above = np.divide(upper - threshold, widths, out=(upper > threshold).astype(np.float64), where=widths > 0)
    total = counts.sum()
    return float((counts * np.clip(above, 0, 1)).sum() / total) if total else 0.0
