"""Which units stand out: on a sample, in a part of it, or by likeness to another; each against the unit's own distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backend.models.card import UnitLayer

Activations = Mapping[str, np.ndarray]  # layer → (positions, units)
SHUFFLES = 5


@dataclass(frozen=True)
class StandingOut:
    """For every unit in flat order: how far it is from its own mean where it is farthest.

    deviations: float32 (units,), in the unit's own standard deviations, NaN where it has none (it never changes).
    values: float32 (units,), the activation there; elsewhere: float32 (units,), the mean activation at all other positions,
    NaN where there are none. positions: int64 (units,), where that is; −1 where it is a mean of many.
    """

    deviations: np.ndarray
    values: np.ndarray
    elsewhere: np.ndarray
    positions: np.ndarray


def at_positions(
    activations: Activations, layers: Sequence[UnitLayer], mean: np.ndarray, deviation: np.ndarray, positions: Sequence[int]
) -> StandingOut:
    """Each unit at that one of the positions where it is farthest from its own mean, on either side.

    mean, deviation: float32 (units,), over a corpus, in flat order of `layers`. Layers without activations give NaN.
    Raises ValueError where there is no position.
    """
    if not len(positions):
        raise ValueError("no position to look at")
    wanted = np.asarray(positions)
    parts = []
    for layer, centre, spread in _by_layer(layers, mean, deviation):
        found = activations.get(layer.name)
        if found is None:
            parts.append(_nothing(layer.count))
            continue
        values = found.astype(np.float32)  # (positions, units)
        far = _standard(values[wanted], centre, spread)  # (wanted, units)
        best = np.nan_to_num(np.abs(far), nan=-1.0).argmax(axis=0)  # (units,)
        columns = np.arange(layer.count)
        at = wanted[best]
        parts.append(StandingOut(far[best, columns], values[at, columns], _without(values, at), at))
    return _joined(parts)


def at_peak(activations: Activations, layers: Sequence[UnitLayer], sampled: np.ndarray) -> StandingOut:
    """Each unit at its largest value, against its largest values in samples: layers of more positions have larger ones.

    sampled: (units, samples), the unit's largest value in each of some samples, in flat order of `layers`. `deviations` count
    from their mean in their standard deviations.
    """
    mean, deviation = sampled.mean(axis=1, dtype=np.float32), sampled.std(axis=1, dtype=np.float32)
    parts = []
    for layer, centre, spread in _by_layer(layers, mean, deviation):
        found = activations.get(layer.name)
        if found is None:
            parts.append(_nothing(layer.count))
            continue
        values = found.astype(np.float32)
        at = values.argmax(axis=0)
        peak = values[at, np.arange(layer.count)]
        parts.append(StandingOut(_standard(peak[None], centre, spread)[0], peak, _without(values, at), at))
    return _joined(parts)


def over_region(
    activations: Activations,
    layers: Sequence[UnitLayer],
    mean: np.ndarray,
    deviation: np.ndarray,
    inside: Mapping[str, np.ndarray],
) -> StandingOut:
    """Each unit's mean activation inside of a region against its own mean; `elsewhere` is its mean outside on this sample.

    inside: layer → bool (positions,). Layers without activations or without a region give NaN.
    """
    parts = []
    for layer, centre, spread in _by_layer(layers, mean, deviation):
        found, cells = activations.get(layer.name), inside.get(layer.name)
        if found is None or cells is None or not cells.any():
            parts.append(_nothing(layer.count))
            continue
        values = found.astype(np.float32)
        within = values[cells].mean(axis=0)
        outside = values[~cells].mean(axis=0) if not cells.all() else np.full(layer.count, np.nan, np.float32)
        far = _standard(within[None], centre, spread)[0]
        parts.append(StandingOut(far, within, outside, np.full(layer.count, -1)))
    return _joined(parts)


def cells_inside(mask: np.ndarray, height: int, width: int, positions: int) -> np.ndarray:
    """Which of a layer's positions a region of the frame covers by half or more, bool (positions,).

    mask: bool (H, W) over the frame; height, width: of the layer's map. Positions before the map's (a class token) are not in
    any region. Where no cell is covered by half, those covered most are inside, so that a small region still says something.
    Raises ValueError where the layer has fewer positions than its map has cells.
    """
    before = positions - height * width
    if before < 0:
        raise ValueError(f"{positions} positions are fewer than {height} × {width} cells")
    rows = _share_matrix(mask.shape[0], height)  # (height, H)
    columns = _share_matrix(mask.shape[1], width)  # (width, W)
    share = rows @ mask.astype(np.float64) @ columns.T  # (height, width)
    least = min(0.5, float(share.max()))
    covered = (share >= least - 1e-9) & (share > 0)
    return np.concatenate([np.zeros(before, bool), covered.ravel()])


@dataclass(frozen=True)
class Likeness:
    """Pearson correlation of every unit with one, float32 (units,), NaN where a unit never changes.

    chance: the largest size of any correlation with the same unit's values shuffled over the samples: what many units reach
    by luck.
    """

    correlation: np.ndarray
    chance: float


def alike(values: np.ndarray, place: int, seed: int = 0) -> Likeness:
    """How all units go together with unit `place` over samples; values: float32 (units, samples).

    Raises ValueError where the unit is the same in every sample.
    """
    centred = values - values.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(length > 0, centred / length, np.nan).astype(np.float32)  # (units, samples)
    own = unit[place]
    if np.isnan(own).any():
        raise ValueError("the unit has the same value in every sample, so nothing can go together with it")
    draw = np.random.default_rng(seed)
    shuffled = np.stack([draw.permutation(own) for _ in range(SHUFFLES)], axis=1)  # (samples, shuffles)
    return Likeness(unit @ own, float(np.nanmax(np.abs(unit @ shuffled))))


def share_beyond(value: float, counts: np.ndarray, low: float, high: float, minimum: float, maximum: float) -> float:
    """Which share of a unit's activations lies beyond a value, on the side of the median that the value is on.

    counts: (bins,), equal bins between low and high whose outer ones reach to minimum and maximum. Activations count as spread
    evenly in their bin, so the share is exact to the bin that the value lies in. NaN where nothing was counted.
    """
    total = float(counts.sum())
    if not total:
        return float("nan")
    edges = np.linspace(low, high, len(counts) + 1)
    edges[0], edges[-1] = min(low, minimum), max(high, maximum)
    below = float(np.interp(value, edges, np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)]))) / total
    return min(below, 1 - below)


def strongest(scores: np.ndarray, count: int, among: np.ndarray | None = None) -> np.ndarray:
    """The flat places of the largest scores, largest first, at most `count`; NaN is never among them.

    among: bool (units,), the units that may be listed; None for all.
    """
    allowed = np.isfinite(scores) if among is None else np.isfinite(scores) & among
    places = np.flatnonzero(allowed)
    if len(places) > count:
        places = places[np.argpartition(-scores[places], count - 1)[:count]]
    return places[np.lexsort((places, -scores[places]))]


def _by_layer(
    layers: Sequence[UnitLayer], mean: np.ndarray, deviation: np.ndarray
) -> list[tuple[UnitLayer, np.ndarray, np.ndarray]]:
    ends = np.cumsum([layer.count for layer in layers])
    return [
        (layer, mean[end - layer.count : end], deviation[end - layer.count : end])
        for layer, end in zip(layers, ends, strict=True)
    ]


def _standard(values: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Distances from the centre in spreads, float32; NaN where there is no spread."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, (values - centre) / spread, np.nan).astype(np.float32)


def _without(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The mean over all positions but one a unit, (units,) of (positions, units)."""
    if len(values) < 2:
        return np.full(values.shape[1], np.nan, np.float32)
    own = values[at, np.arange(values.shape[1])]
    return (values.sum(axis=0) - own) / (len(values) - 1)


def _nothing(count: int) -> StandingOut:
    missing = np.full(count, np.nan, np.float32)
    return StandingOut(missing, missing, missing, np.full(count, -1))


def _joined(parts: Sequence[StandingOut]) -> StandingOut:
    return StandingOut(
        np.concatenate([part.deviations for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.elsewhere for part in parts]),
        np.concatenate([part.positions for part in parts]),
    )


def _share_matrix(pixels: int, cells: int) -> np.ndarray:
    """How large a share of each cell's length each pixel is, float64 (cells, pixels); rows sum to 1."""
    edges = np.linspace(0, pixels, cells + 1)
    starts = np.maximum(edges[:-1, None], np.arange(pixels))
    ends = np.minimum(edges[1:, None], np.arange(1, pixels + 1))
    return np.maximum(ends - starts, 0) * cells / pixels
