"""People's ratings of a label: which samples to show, whom to believe, and the correlation with the unit's activation.

After Oikarinen et al. 2025, Rethinking Crowd-Sourced Evaluation of Neuron Explanations: the correlation is over all samples
and not the strongest alone; samples are drawn where they tell most and weighted back; several raters are merged by Bayes' rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backend.methods.neurons.labels.scores import DRAWS, LEVEL, Estimate

EVEN = 0.2  # of the draws made by the samples' share in the corpus alone, which bounds every weight at 5
RATED = 20
ROUNDS = 50  # of expectation and maximisation
RIGHT = (8.0, 2.0)  # Beta prior of how often a rater says what is so: 0.8, worth ten ratings


@dataclass(frozen=True)
class Pool:
    """Samples with known activation. values: float64 (samples,). shares: float64 (samples,), what part of the corpus each
    stands for; they sum to 1."""

    values: np.ndarray
    shares: np.ndarray

    @property
    def standardised(self) -> np.ndarray:
        """Activations less their mean over the corpus, in standard deviations; zeros where all are equal."""
        centred = self.values - self.shares @ self.values
        deviation = float(np.sqrt(self.shares @ centred**2))
        return centred / deviation if deviation > 0 else np.zeros_like(centred)


@dataclass(frozen=True)
class Rated:
    """Drawn samples. drawn: int (draws,), their numbers in the pool. weights: float64 (draws,), share over chance of the draw."""

    drawn: np.ndarray
    weights: np.ndarray


def draw(pool: Pool, likely: np.ndarray, count: int, seed: int) -> Rated:
    """Draw with chance in proportion to what a sample may add to the correlation's estimate.

    likely: (samples,), a cheap guess of the chance that the label is true of each. The best chance for the mean of
    activation × truth is share × |activation| × √likely; a part of the draws goes by share alone.
    """
    telling = pool.shares * np.abs(pool.standardised) * np.sqrt(np.clip(likely, 0.02, 1.0))
    chance = pool.shares if telling.sum() == 0 else EVEN * pool.shares + (1 - EVEN) * telling / telling.sum()
    drawn = np.random.default_rng(seed).choice(len(chance), size=count, p=chance / chance.sum())
    return Rated(drawn, pool.shares[drawn] / chance[drawn])


def guessed(pool: Pool) -> np.ndarray:
    """A guess of the label's truth from the activation alone: the larger, the likelier, (samples,)."""
    return 1 / (1 + np.exp(-2 * (pool.standardised - 1)))


def correlation(pool: Pool, rated: Rated, truth: np.ndarray, seed: int = 0) -> Estimate:
    """Pearson correlation of activation and truth over the corpus, with a bootstrap interval over draws.

    truth: (draws,), 0 or 1, or the chance that the label is true. NaN where the label is true of all drawn or of none.
    """
    terms = np.stack([rated.weights * truth * pool.standardised[rated.drawn], rated.weights * truth, rated.weights], axis=1)
    resampled = np.random.default_rng(seed).integers(0, len(truth), (DRAWS, len(truth)))
    values = _correlations(terms[resampled].mean(axis=1))
    found = values[np.isfinite(values)]
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if len(found) else (np.nan, np.nan)
    return Estimate(float(_correlations(terms.mean(axis=0)[None])[0]), float(low), float(high))


def _correlations(means: np.ndarray) -> np.ndarray:
    """(rows,) from means (rows, 3) of weighted product, truth and weight; weights are normalised by their own mean."""
    product, rate = means[:, 0] / means[:, 2], means[:, 1] / means[:, 2]
    spread = np.sqrt(np.clip(rate * (1 - rate), 0, None))
    return np.clip(np.divide(product, spread, out=np.full_like(product, np.nan), where=spread > 1e-9), -1, 1)


def merged(answers: Mapping[str, Mapping[int, bool]], samples: Sequence[int], prior: np.ndarray) -> np.ndarray:
    """The chance that the label is true of each sample, (samples,), given all raters' answers.

    answers: by rater, by sample. prior: (samples,). Each rater has an unknown chance of saying yes where it is so and of saying
    no where it is not (Dawid and Skene 1979), with Beta priors; chances and truths are worked out in turn.
    """
    said = np.array([[_code(own.get(sample)) for sample in samples] for own in answers.values()]).reshape(-1, len(samples))
    prior = np.clip(prior, 0.02, 0.98)
    truth = prior
    for _ in range(ROUNDS):
        yes = _rates((said == 1) @ truth, (said == 0) @ truth)  # (raters,) says yes where it is true
        no = _rates((said == 0) @ (1 - truth), (said == 1) @ (1 - truth))
        odds = np.log(prior / (1 - prior))
        odds = odds + ((said == 1) * np.log(yes / (1 - no))[:, None] + (said == 0) * np.log((1 - yes) / no)[:, None]).sum(axis=0)
        truth = 1 / (1 + np.exp(-odds))
    return np.asarray(truth)


def _code(answer: bool | None) -> int:
    return -1 if answer is None else int(answer)


def _rates(right: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    return (right + RIGHT[0]) / (right + wrong + sum(RIGHT))
