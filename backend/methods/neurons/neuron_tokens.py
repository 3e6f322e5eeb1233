"""The tokens that one MLP neuron raises and lowers, at once, beside what shuffled weights reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.params import Range
from backend.methods.question import Question, Weights
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Result, Step
from backend.models.card import VOCABULARY

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking


@dataclass(frozen=True)
class NeuronTokensParams:
    """Which neuron, how many tokens, and how many controls."""

    layer: Annotated[str, "The neuron's layer; empty: the MLP in the middle of the model."] = ""
    unit: Annotated[int, Range(0, 1_000_000), "The neuron's number in its layer."] = 0
    tokens: Annotated[int, Range(1, 50), "Tokens kept at each end."] = 10
    controls: Annotated[int, Range(2, 100), "Times the neuron's own weights are shuffled, to see what chance writes."] = 20


@dataclass(frozen=True)
class NeuronTokens:
    """Tokens written and erased by one neuron, strongest first, as its row of `TokenProjection`.

    top_tokens, bottom_tokens: int32 (k,). top_logits, bottom_logits: float32 (k,), the change of the token's logit, the mean
    over the vocabulary taken off, per unit of neuron activation and before the final norm divides by its scale.
    chance: float32 (controls,), the strongest logit by size that each shuffle of the neuron's write gives to any token.
    """

    layer: str
    unit: int
    top_tokens: np.ndarray
    top_logits: np.ndarray
    bottom_tokens: np.ndarray
    bottom_logits: np.ndarray
    chance: np.ndarray


@method(
    "neuron_tokens",
    title="Tokens of one neuron",
    page="neurons",
    params=NeuronTokensParams,
    inputs=Weights,
    needs=frozenset({VOCABULARY}),
    returns=NeuronTokens,
    teaching=Teaching(
        "Asks which tokens' logits one neuron's write raises and lowers most on the straight way to the output.",
        "It cannot tell what later blocks make of the write, nor when the neuron fires.",
        "Davies 2025, arXiv 2501.02688; Geva et al. 2021, Transformer Feed-Forward Layers Are Key-Value Memories.",
    ),
    cost=lambda params, card: PassCount(),
)
def neuron_tokens(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield the tokens: the centred readout times one write and its shuffles. Raises ParameterError for no such neuron."""
    from backend.methods.neurons.weights.one_neuron import tokens_of

    yield Result(tokens_of(asking.model, question.params, question.seed))
