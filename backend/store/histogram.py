"""Quantiles from the counts of a histogram, and moments from sums of powers."""

from __future__ import annotations

import numpy as np


def quantiles(
    counts: np.ndarray, low: np.ndarray, high: np.ndarray, minimum: np.ndarray, maximum: np.ndarray, share: float
) -> np.ndarray:
    """The value of each unit that `share` of its activations do not exceed, as if they lay evenly in each bin, float64 (units,).

    counts: (units, bins), equal bins between low and high, (units,) each, whose outer ones reach to minimum and maximum.
    NaN where nothing was counted.
    """
    units, bins = counts.shape
    total = counts.sum(axis=1, dtype=np.float64)  # (units,)
    below = np.cumsum(counts, axis=1, dtype=np.float64)  # (units, bins)
    wanted = share * total
    at = np.minimum((below < wanted[:, None]).sum(axis=1), bins - 1)  # (units,) the bin it lies in
    rows = np.arange(units)
    before = np.where(at > 0, below[rows, at - 1], 0.0)
    held = below[rows, at] - before
    width = (high.astype(np.float64) - low) / bins
    left = np.where(at > 0, low + at * width, np.minimum(minimum, low))
    right = np.where(at < bins - 1, low + (at + 1) * width, np.maximum(maximum, high))
    # No activation lies beyond the extremes, though a bin may.
    left, right = np.clip(left, minimum, maximum), np.clip(right, minimum, maximum)
    inside = np.divide(wanted - before, held, out=np.zeros(units), where=held > 0)
    return np.where(total > 0, left + inside * (right - left), np.nan)


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
