"""A mean with its bootstrap interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 10_000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """The mean of `count` values, and the bounds that 95 % of bootstrap means keep."""

    mean: float
    low: float
    high: float
    count: int

    @property
    def verdict(self) -> str:
        """Which side of zero the whole interval lies on."""
        if self.low > 0:
            return "above 0"
        return "below 0" if self.high < 0 else "not shown"

    def __str__(self) -> str:
        return f"{self.mean:+.4f}  [{self.low:+.4f}, {self.high:+.4f}]  {self.verdict}"


def bootstrap_mean(values: Sequence[float], seed: int = 0) -> Interval:
    """The mean with its percentile bootstrap interval (Efron 1979), values drawn with replacement. Raises ValueError for none."""
    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0 or not np.isfinite(sample).all():
        raise ValueError(f"{sample.size} values, {int(np.isfinite(sample).sum())} of them finite: no mean to speak of")
    drawn = np.random.default_rng(seed).integers(0, sample.size, (DRAWS, sample.size))
    low, high = np.quantile(sample[drawn].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(sample.mean()), float(low), float(high), sample.size)
