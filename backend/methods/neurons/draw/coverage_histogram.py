"""The histogram behind activation coverage: how often each unit was in each state, and how well a new state is covered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.models.card import UnitLayer


def states(products: np.ndarray, alphas: Sequence[float], layers: Sequence[UnitLayer]) -> np.ndarray:
    """Activation states sigmoid(alpha · z · ∂KL/∂z), float64 (samples, units) in 0 to 1, one alpha a layer.

    products: z · ∂KL/∂z, (samples, units), layer after layer.
    """
    steepness = np.repeat(np.asarray(alphas, np.float64), [layer.count for layer in layers])
    return 1 / (1 + np.exp(-np.clip(products * steepness, -700, 700)))


def alphas_of(products: np.ndarray, layers: Sequence[UnitLayer], steepness: float) -> tuple[float, ...]:
    """For each layer `steepness` over the root mean square of its products (samples, units); 1 where all are zero.

    Layers differ in their products a hundredfold, and one alpha for all would flatten some and saturate others.
    """
    ends = np.cumsum([layer.count for layer in layers])
    sizes = [float(np.sqrt(np.square(part, dtype=np.float64).mean())) for part in np.split(products, ends[:-1], axis=1)]
    return tuple(steepness / size if size else 1.0 for size in sizes)


def intervals(found: np.ndarray, bins: int) -> np.ndarray:
    """Which of `bins` equal intervals of 0 to 1 each state lies in, int64 of the same shape; the last one holds 1 too.

    A state of exactly 1, which a steep sigmoid gives, belongs to the last interval and not to none.
    """
    edges = np.linspace(0, 1, bins + 1)
    return np.minimum(np.searchsorted(edges, found, side="right") - 1, bins - 1)


def counted(found: np.ndarray, bins: int) -> np.ndarray:
    """How many samples put each unit into each interval, int64 (bins, units), from states (samples, units)."""
    units = found.shape[1]
    where = intervals(found, bins) * units + np.arange(units)
    return np.bincount(where.ravel(), minlength=bins * units).reshape(bins, units)


def coverage(found: np.ndarray, counts: np.ndarray, filled: int) -> np.ndarray:
    """How well each state is covered, float32 (samples, units): its interval's count over `filled`, at most 1.

    found: states (samples, units). counts: (bins, units).
    """
    own = np.take_along_axis(counts, intervals(found, len(counts)), axis=0)
    return np.minimum(own / filled, 1.0).astype(np.float32)


def layer_scores(covered: np.ndarray, layers: Sequence[UnitLayer]) -> np.ndarray:
    """The mean coverage of each layer's units, float32 (samples, layers), from coverage (samples, units)."""
    ends = np.cumsum([layer.count for layer in layers])
    parts = np.split(covered, ends[:-1], axis=1)
    return np.stack([part.mean(axis=1) for part in parts], axis=1)


def percentile(value: float, among: np.ndarray) -> float:
    """The share of `among` that is smaller, ties counted half, in per cent; NaN among none."""
    if not len(among):
        return float("nan")
    return float(100 * ((among < value).mean() + (among == value).mean() / 2))
