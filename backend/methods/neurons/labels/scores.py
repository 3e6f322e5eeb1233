"""Precision, recall and F1 of “fires where the label is true”, estimated for a whole corpus from a weighted draw of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DRAWS = 1000
LEVEL = 0.95


@dataclass(frozen=True)
class Observed:
    """What a unit does at the places of drawn samples, and whether a label is true there.

    values: float32 (places,). true: bool (places,). sample: int (places,), which drawn sample a place belongs to.
    weights: float64 (samples,), how many samples of the corpus each drawn one stands for.
    stratum: int (samples,), samples drawn alike; the bootstrap draws within it.
    """

    values: np.ndarray
    true: np.ndarray
    sample: np.ndarray
    weights: np.ndarray
    stratum: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """A number with the bounds that 95 % of bootstrap draws keep."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Scores:
    """How well a label tells where a unit fires, at one threshold.

    base_rate: the share of places at which the label is true. firing: the share at which the unit fires.
    """

    precision: Estimate
    recall: Estimate
    f1: Estimate
    threshold: float
    base_rate: float
    firing: float


def best_threshold(observed: Observed) -> float:
    """The activation above which “fires” agrees best with the label, by weighted F1, halfway to the next lower value.

    Infinity where the label is true nowhere.
    """
    weights = observed.weights[observed.sample]  # (places,)
    order = np.argsort(-observed.values, kind="stable")
    values, hits = observed.values[order].astype(np.float64), (weights * observed.true)[order]
    total = hits.sum()
    if total == 0:
        return float("inf")
    f1 = 2 * np.cumsum(hits) / (np.cumsum(weights[order]) + total)
    ends = np.append(values[1:] < values[:-1], True)  # a threshold cannot part equal values
    best = int(np.argmax(np.where(ends, f1, -1.0)))
    lower = values[best + 1] if best + 1 < len(values) else values[best] - 1.0
    return float((values[best] + lower) / 2)


def scores(observed: Observed, threshold: float, seed: int = 0) -> Scores:
    """The scores at a threshold, intervals from bootstrap draws of whole samples within their strata (Efron 1979)."""
    counts = _counts(observed, threshold)  # (samples, 4)
    drawn = _draws(observed.stratum, seed) @ counts  # (draws, 4)
    values, spread = _rates(counts.sum(0)[None])[0], _rates(drawn)
    low, high = np.quantile(spread, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    precision, recall, f1 = (Estimate(float(values[at]), float(low[at]), float(high[at])) for at in range(3))
    hit, false, missed, places = counts.sum(0)
    return Scores(precision, recall, f1, threshold, float((hit + missed) / places), float((hit + false) / places))


def held_out_scores(choose: Observed, report: Observed, seed: int = 0) -> Scores:
    """The scores on one half at the threshold that is best on the other."""
    return scores(report, best_threshold(choose), seed)


def _counts(observed: Observed, threshold: float) -> np.ndarray:
    """Weighted hits, false alarms, misses and places of each sample, (samples, 4)."""
    fires = observed.values > threshold
    kinds = (fires & observed.true, fires & ~observed.true, ~fires & observed.true, np.ones(len(fires), dtype=bool))
    size = len(observed.weights)
    counts = [np.bincount(observed.sample, kind, minlength=size) * observed.weights for kind in kinds]
    return np.stack(counts, axis=1)


def _draws(stratum: np.ndarray, seed: int) -> np.ndarray:
    """How often each sample is drawn in each bootstrap draw, (draws, samples)."""
    random = np.random.default_rng(seed)
    times = np.zeros((DRAWS, len(stratum)))
    for number in np.unique(stratum):
        members = np.flatnonzero(stratum == number)
        times[:, members] = random.multinomial(len(members), np.full(len(members), 1 / len(members)), size=DRAWS)
    return times


def _rates(counts: np.ndarray) -> np.ndarray:
    """Precision, recall and F1 (rows, 3) of counts (rows, 4); 0 where nothing was hit."""
    hit, false, missed = counts[:, 0], counts[:, 1], counts[:, 2]
    bottoms = (hit + false, hit + missed, hit + (false + missed) / 2)
    return np.stack([np.divide(hit, bottom, out=np.zeros_like(hit), where=bottom > 0) for bottom in bottoms], axis=1)
