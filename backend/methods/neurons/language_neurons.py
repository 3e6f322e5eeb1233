"""Neurons that fire for one language and hardly for others, and what switching them off costs each language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.params import Range
from backend.methods.question import Corpus, Question
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import VOCABULARY, UnitLayer

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking


@dataclass(frozen=True)
class LanguageNeuronsParams:
    """How much text neurons are chosen by, how many are chosen, and how much text the test takes."""

    chosen_by: Annotated[int, Range(200, 100_000, 100), "Tokens of each language, at most, by which neurons are chosen."] = 5_000
    tested_on: Annotated[int, Range(100, 50_000, 100), "Held-out tokens of each language, at most, that the test takes."] = 500
    share: Annotated[float, Range(0.001, 0.2, 0.001), "Share of all neurons that are chosen, lowest entropy first."] = 0.01
    quantile: Annotated[float, Range(0.5, 0.99, 0.01), "Quantile of all firing rates that a chosen neuron passes."] = 0.95
    draws: Annotated[int, Range(1, 10), "Sets of random neurons beside each language's, of equal number in every layer."] = 1


@dataclass(frozen=True)
class LanguageNeurons:
    """Firing of every MLP neuron by language, the neurons chosen for each, and the test on held-out text.

    layers: the MLP layers; neurons stand in their flat order. firing: float32 (neurons, languages), share of the chosen half's
    tokens at which the gate is open (positive), of a neuron without gate at which its activation is positive; the first token
    of each sequence is left out. entropy: float32 (neurons,), of the firing over languages, nats. bar: the firing rate that the
    quantile stands for. assigned: bool (neurons, languages); a neuron may stand for several.
    base_loss: float64 (languages,), nats a token on the held-out half. change: float64 (languages switched off, languages read),
    how many nats a token more; low, high: between which 95 % of bootstrap means over sequences lie. control, control_low,
    control_high: the same for the random neurons, mean over draws. Rows not yet measured are NaN.
    specificity, specificity_low, specificity_high: float64 (languages,), the change in its own language less the mean change in
    the others, less what the random neurons give for the same; NaN until the row is known.
    tokens: int64 (2, languages), of the chosen and of the held-out half as used.
    """

    languages: tuple[str, ...]
    layers: tuple[UnitLayer, ...]
    firing: np.ndarray
    entropy: np.ndarray
    bar: float
    assigned: np.ndarray
    base_loss: np.ndarray
    change: np.ndarray
    low: np.ndarray
    high: np.ndarray
    control: np.ndarray
    control_low: np.ndarray
    control_high: np.ndarray
    specificity: np.ndarray
    specificity_low: np.ndarray
    specificity_high: np.ndarray
    tokens: np.ndarray
    gated: bool

    @property
    def counts(self) -> np.ndarray:
        """How many neurons of each layer stand for each language, int64 (layers, languages)."""
        ends = np.cumsum([layer.count for layer in self.layers])[:-1]
        return np.array([part.sum(axis=0) for part in np.split(self.assigned, ends)])


def _cost(params: LanguageNeuronsParams, card: object) -> PassCount:
    """Rows of 128 tokens, for a dozen languages."""
    languages = 12
    tested = params.tested_on * languages * (1 + languages * (1 + params.draws))
    return PassCount((params.chosen_by * languages + tested) // 128, 0)


@method(
    "language_neurons",
    title="Language neurons",
    page="neurons",
    params=LanguageNeuronsParams,
    inputs=Corpus,
    needs=frozenset({VOCABULARY}),
    returns=LanguageNeurons,
    lane="background",
    teaching=Teaching(
        "Asks which neurons fire for one language and hardly for others, and whether that language suffers without them.",
        "It cannot tell a language from its script or its topics: the corpus decides what a source's texts have in common.",
        "Tang et al. 2024, Language-Specific Neurons (LAPE); Gurgurov et al. 2025, Language Arithmetics.",
    ),
    cost=_cost,
)
def language_neurons(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield progress while firing is counted, the neurons when they are chosen, and the test language by language."""
    from backend.methods.neurons.languages.series import language_series

    yield from language_series(question, asking)
