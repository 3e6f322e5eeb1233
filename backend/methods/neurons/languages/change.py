"""What switching neurons off costs each language, with bootstrap intervals over sequences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DRAWS = 1_000
LEVEL = (0.025, 0.975)


@dataclass(frozen=True)
class Sequences:
    """The held-out sequences: the language of each and how many tokens it predicts, int64 (sequences,)."""

    language: np.ndarray
    predicted: np.ndarray

    @property
    def languages(self) -> int:
        """How many languages there are."""
        return int(self.language.max()) + 1


@dataclass(frozen=True)
class Interval:
    """A value and between which 95 % of its bootstrap values lie; arrays of one shape."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def resampled(sequences: Sequences, seed: int) -> np.ndarray:
    """How often each draw takes each sequence, drawn within its language: float64 (draws + 1, sequences), the first as it is."""
    generator = np.random.default_rng(seed)
    taken = np.zeros((DRAWS + 1, len(sequences.language)))
    taken[0] = 1
    for language in range(sequences.languages):
        own = np.flatnonzero(sequences.language == language)
        taken[1:, own] = generator.multinomial(len(own), np.full(len(own), 1 / len(own)), size=DRAWS)
    return taken


def by_language(summed: np.ndarray, sequences: Sequences, taken: np.ndarray) -> np.ndarray:
    """Mean a token in each language, (draws + 1, languages), from sums over each sequence's tokens (sequences,)."""
    member = sequences.language[:, None] == np.arange(sequences.languages)  # (sequences, languages)
    return (taken @ (member * summed[:, None])) / (taken @ (member * sequences.predicted[:, None]))


def interval(drawn: np.ndarray) -> Interval:
    """The value in the first row of (draws + 1, …) and its interval over the others."""
    low, high = np.quantile(drawn[1:], LEVEL, axis=0)
    return Interval(drawn[0], low, high)


def own_less_others(change: np.ndarray, language: int) -> np.ndarray:
    """The change in one language less the mean change in the others, (draws + 1,), from (draws + 1, languages)."""
    others = np.delete(change, language, axis=1)
    return change[:, language] - others.mean(axis=1)
