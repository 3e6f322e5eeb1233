"""Quantiles from the counts of a histogram, and moments from sums of powers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backend.store.index_file import BOTTOM, TOP


@dataclass(frozen=True)
class Counted:
    """The histogram of units, (units,) or (units, bins) each: equal bins from low to high, the outer ones holding all beyond.

    few_below, few_above: values beyond which about `BOTTOM` and `TOP` activations lie, from the extreme items.
    """

    counts: np.ndarray
    low: np.ndarray
    high: np.ndarray
    minimum: np.ndarray
    maximum: np.ndarray
    few_below: np.ndarray
    few_above: np.ndarray

    @cached_property
    def _below(self) -> np.ndarray:
        """Activations up to the end of each bin, float64 (units, bins)."""
        return np.cumsum(self.counts, axis=1, dtype=np.float64)

    def quantile(self, share: float) -> np.ndarray:
        """The value that `share` of a unit's activations do not exceed, float64 (units,); NaN where nothing was counted.

        Activations are taken to lie evenly in an inner bin, and to fall off exponentially in an outer one, up to the extreme
        items: up to the maximum, a single outlier would pull the 99.9th percentile towards itself.
        """
        units, bins = self.counts.shape
        below = self._below
        total = below[:, -1]  # (units,)
        wanted = share * total
        at = np.minimum((below < wanted[:, None]).sum(axis=1), bins - 1)  # (units,) the bin it lies in
        rows = np.arange(units)
        before = np.where(at > 0, below[rows, at - 1], 0.0)
        held = np.maximum(below[rows, at] - before, 1.0)
        width = (self.high.astype(np.float64) - self.low) / bins
        left, right = self.low + at * width, self.low + (at + 1) * width
        inside = np.clip((wanted - before) / held, 0.0, 1.0)
        rise = _tail(held * (1 - inside), held, TOP) * (np.maximum(_or(self.few_above, self.maximum), right) - left)
        fall = _tail(held * inside, held, BOTTOM) * (right - np.minimum(_or(self.few_below, self.minimum), left))
        found = np.where(at == bins - 1, left + rise, np.where(at == 0, right - fall, left + inside * width))
        return np.where(total > 0, np.clip(found, self.minimum, self.maximum), np.nan)


def _or(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The values, and the others where there are not enough items yet."""
    return np.where(np.isfinite(values), values, others)


def _tail(beyond: np.ndarray, held: np.ndarray, few: int) -> np.ndarray:
    """How far `beyond` lies from the edge of an exponential tail, 0, to where `few` of its `held` activations are left, 1."""
    whole = np.log(np.maximum(held / few, 2.0))
    return np.clip(np.log(held / np.maximum(beyond, 1e-9)) / whole, 0.0, 1.0)


def standardised_moments(shift: np.ndarray, sums: np.ndarray, totals: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, standard deviation, skewness and kurtosis (3 for a Gaussian), float64 (units,) each.

    shift: (units,). sums: float64 (units, 4), of the first four powers of (activation − shift). totals: (units,), values summed.
    Where a unit never changes, skewness and kurtosis are NaN.
    """
    first, second, third, fourth = (sums / np.maximum(totals, 1)[:, None]).T
    variance = np.maximum(second - first**2, 0.0)
    # A rounding error of the sums is no variance.
    variance = np.where(variance > 1e-12 * (second + shift.astype(np.float64) ** 2), variance, 0.0)
    third_central = third - 3 * first * second + 2 * first**3
    fourth_central = fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4
    with np.errstate(divide="ignore", invalid="ignore"):
        skewness = np.where(variance > 0, third_central / variance**1.5, np.nan)
        kurtosis = np.where(variance > 0, fourth_central / variance**2, np.nan)
    return {"mean": shift + first, "deviation": np.sqrt(variance), "skewness": skewness, "kurtosis": kurtosis}
