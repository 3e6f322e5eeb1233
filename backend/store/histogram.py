"""Quantiles from the counts of a histogram, and moments from sums of powers."""

from __future__ import annotations

import numpy as np


def quantile(counts: np.ndarray, low: float, high: float, minimum: float, maximum: float, share: float) -> float:
    """The value that `share` of the activations do not exceed, as if they lay evenly in each bin.

    counts: (bins,), equal bins between low and high, whose outer ones reach to minimum and maximum. NaN where all are zero.
    """
    total = counts.sum()
    if not total:
        return float("nan")
    edges = np.linspace(low, high, len(counts) + 1)
    edges[0], edges[-1] = minimum, maximum
    edges = np.clip(edges, minimum, maximum)
    below = np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)]) / total
    at = int(np.clip(np.searchsorted(below, share, side="left") - 1, 0, len(counts) - 1))
    width = below[at + 1] - below[at]
    inside = (share - below[at]) / width if width > 0 else 0.0
    return float(edges[at] + inside * (edges[at + 1] - edges[at]))


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
