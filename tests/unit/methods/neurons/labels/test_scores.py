"""Scores against scikit-learn and brute force, estimates against the whole corpus they stand for, and what must fail."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from backend.methods.neurons.labels.scores import Observed, best_threshold, held_out_scores, scores


def observed(seed: int, samples: int = 40, places: int = 30, shift: float = 1.5, weights: np.ndarray | None = None) -> Observed:
    """A unit that is higher by `shift` where the label is true."""
    random = np.random.default_rng(seed)
    true = random.random(samples * places) < 0.15
    values = (random.normal(size=true.size) + shift * true).astype(np.float32)
    sample = np.repeat(np.arange(samples), places)
    weight = np.ones(samples) if weights is None else weights
    return Observed(values, true, sample, weight, np.arange(samples) % 2)


def test_scores_are_scikit_learns() -> None:
    weights = np.random.default_rng(9).integers(1, 6, 40).astype(float)
    data = observed(0, weights=weights)
    found = scores(data, 0.7)
    precision, recall, f1, _ = precision_recall_fscore_support(
        data.true, data.values > 0.7, average="binary", sample_weight=weights[data.sample]
    )
    assert (found.precision.value, found.recall.value, found.f1.value) == pytest.approx((precision, recall, f1), abs=1e-12)
    for estimate in (found.precision, found.recall, found.f1):
        assert 0 < estimate.low < estimate.value < estimate.high < 1


def test_the_threshold_is_the_best_of_all() -> None:
    data = observed(1)
    brute = max(scores(data, float(value) - 1e-6).f1.value for value in np.unique(data.values)[::7])
    best = best_threshold(data)
    assert scores(data, best).f1.value >= brute
    assert best not in data.values


def test_equal_values_are_never_parted() -> None:
    values, true = np.array([2, 2, 2, 0, 0], np.float32), np.array([True, False, False, False, True])
    data = Observed(values, true, np.zeros(5, int), np.ones(1), np.zeros(1, int))
    assert best_threshold(data) in (1.0, -0.5)


def test_a_label_that_is_true_nowhere_scores_nothing() -> None:
    data = observed(2)
    nowhere = Observed(data.values, np.zeros_like(data.true), data.sample, data.weights, data.stratum)
    assert best_threshold(nowhere) == np.inf
    assert held_out_scores(nowhere, nowhere).f1.value == 0


def test_a_planted_label_reaches_one_and_a_shuffled_one_does_not() -> None:
    choose, report = observed(3, shift=50), observed(4, shift=50)
    found = held_out_scores(choose, report)
    assert (found.f1.value, found.f1.low, found.precision.value, found.recall.value) == (1, 1, 1, 1)
    random = np.random.default_rng(5)
    shuffled = [Observed(o.values, random.permutation(o.true), o.sample, o.weights, o.stratum) for o in (choose, report)]
    assert held_out_scores(*shuffled).f1.value < 0.5


def test_a_weighted_draw_estimates_the_whole_corpus() -> None:
    """4,000 samples, one in forty with the label; drawn are 60 with it and 60 without, weighted."""
    random = np.random.default_rng(6)
    has = random.random(4000) < 0.025
    values = (random.normal(size=4000) + 3 * has).astype(np.float32)
    whole = Observed(values, has, np.arange(4000), np.ones(4000), np.zeros(4000, int))
    truth = scores(whole, 1.5)
    estimates, covered = [], 0
    for seed in range(60):
        drawn = [np.random.default_rng(seed).choice(np.flatnonzero(has == kind), 60, replace=False) for kind in (True, False)]
        picked, stratum = np.concatenate(drawn), np.repeat([1, 0], 60)
        weights = np.where(stratum == 1, has.sum() / 60, (~has).sum() / 60)
        draw = Observed(values[picked], has[picked], np.arange(120), weights, stratum)
        found = scores(draw, 1.5, seed)
        estimates.append(found.recall.value)
        covered += found.f1.low <= truth.f1.value <= found.f1.high
        assert found.base_rate == pytest.approx(has.mean())
    assert np.mean(estimates) == pytest.approx(truth.recall.value, abs=0.02)
    assert covered >= 48  # of 60; small draws of rare false alarms cover somewhat less than the 95 % of large ones
