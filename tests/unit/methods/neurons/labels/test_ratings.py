"""A simulated study: what importance sampling and Bayesian merging save, and what they must not invent."""

from __future__ import annotations

import numpy as np
import pytest

from backend.methods.neurons.labels.ratings import Pool, Rated, correlation, draw, guessed, merged

SAMPLES = 4000


def study(seed: int, related: bool = True) -> tuple[Pool, np.ndarray, float]:
    """A sparse unit, a concept that holds of 4 % of the samples, and their true correlation."""
    random = np.random.default_rng(seed)
    concept = random.random(SAMPLES) < 0.04
    raised = concept if related else random.permutation(concept)
    values = random.exponential(0.4, SAMPLES) + raised * random.gamma(4, 0.7, SAMPLES)
    return Pool(values, np.full(SAMPLES, 1 / SAMPLES)), concept, float(np.corrcoef(values, concept)[0, 1])


def uniform(pool: Pool, count: int, seed: int) -> Rated:
    """As many samples drawn alike."""
    return Rated(np.random.default_rng(seed).integers(0, len(pool.values), count), np.ones(count))


def error(estimates: list[float], truth: float) -> float:
    """Root of the mean squared error, an estimate that there is none of counted as 0."""
    return float(np.sqrt(np.mean((np.nan_to_num(np.array(estimates)) - truth) ** 2)))


def test_all_ratings_give_pearsons_correlation() -> None:
    pool, concept, truth = study(0)
    everything = Rated(np.arange(SAMPLES), np.ones(SAMPLES))
    assert correlation(pool, everything, concept * 1.0).value == pytest.approx(truth, abs=1e-9)


def test_importance_sampling_needs_a_fifth_of_the_ratings_or_less() -> None:
    pool, concept, truth = study(1)
    ours = [correlation(pool, r := draw(pool, guessed(pool), 20, s), concept[r.drawn] * 1.0).value for s in range(200)]
    theirs = [correlation(pool, r := uniform(pool, 100, s), concept[r.drawn] * 1.0).value for s in range(200)]
    assert error(ours, truth) < error(theirs, truth)
    assert abs(np.nanmean(ours) - truth) < 0.1


def test_more_ratings_come_nearer_and_intervals_hold_the_truth() -> None:
    pool, concept, truth = study(2)
    rounds = [draw(pool, guessed(pool), 200, seed) for seed in range(100)]
    found = [correlation(pool, rated, concept[rated.drawn] * 1.0, seed) for seed, rated in enumerate(rounds)]
    assert error([estimate.value for estimate in found], truth) < 0.08
    assert sum(estimate.low <= truth <= estimate.high for estimate in found) >= 85


def test_a_label_unrelated_to_the_unit_gets_no_correlation() -> None:
    pool, concept, truth = study(3, related=False)
    assert abs(truth) < 0.05
    found = [correlation(pool, r := draw(pool, guessed(pool), 200, s), concept[r.drawn] * 1.0) for s in range(60)]
    assert abs(np.nanmean([estimate.value for estimate in found])) < 0.05
    assert sum(estimate.low <= 0 <= estimate.high for estimate in found) >= 50


def test_a_label_that_nothing_or_everything_has_has_none() -> None:
    pool, _, _ = study(4)
    rated = draw(pool, guessed(pool), 20, 0)
    assert np.isnan(correlation(pool, rated, np.zeros(20)).value)
    assert np.isnan(correlation(pool, rated, np.ones(20)).value)


def test_weights_make_draws_stand_for_the_corpus() -> None:
    pool, _, _ = study(5)
    rated = draw(pool, guessed(pool), 20_000, 0)
    assert rated.weights.mean() == pytest.approx(1, abs=0.02)
    assert rated.weights.max() <= 5 + 1e-9
    assert (rated.weights * pool.values[rated.drawn]).mean() == pytest.approx(pool.values.mean(), abs=0.02)


def test_bayes_believes_good_raters_more_than_a_majority_does() -> None:
    random = np.random.default_rng(6)
    truth, rates = random.random(400) < 0.3, {"good": 0.05, "fair": 0.2, "guess": 0.5, "guess too": 0.5, "guesses": 0.5}
    answers = {
        rater: {sample: bool(truth[sample] ^ (random.random() < rate)) for sample in range(400)} for rater, rate in rates.items()
    }
    found = merged(answers, range(400), np.full(400, 0.3)) > 0.5
    votes = np.mean([[own[sample] for sample in range(400)] for own in answers.values()], axis=0) > 0.5
    assert (found != truth).mean() < 0.5 * (votes != truth).mean()
    assert (found != truth).mean() < 0.06


def test_without_answers_the_prior_stands_and_missing_answers_say_nothing() -> None:
    prior = np.array([0.1, 0.9])
    assert merged({}, range(2), prior) == pytest.approx(prior)
    one = merged({"a": {0: True}}, range(2), prior)
    assert one[0] > 0.1
    assert one[1] == pytest.approx(0.9)
