"""The tokens that every MLP neuron raises and lowers, read off its weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.params import Range
from backend.methods.question import Question, Weights
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import VOCABULARY, UnitLayer

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking


@dataclass(frozen=True)
class TokenProjectionParams:
    """How many tokens are kept."""

    tokens: Annotated[int, Range(1, 50), "Tokens kept at each end, for every neuron."] = 10


@dataclass(frozen=True)
class TokenProjection:
    """Tokens written and erased by every neuron; rows in the flat order of `layers`, while it grows of the first layers.

    layers: the MLP layers alone. top_tokens, bottom_tokens: int32 (neurons, k), strongest first.
    top_logits, bottom_logits: float32 (neurons, k), the change of the token's logit, the mean over the vocabulary taken off,
    per unit of neuron activation and before the final norm divides by its scale.
    """

    layers: tuple[UnitLayer, ...]
    top_tokens: np.ndarray
    top_logits: np.ndarray
    bottom_tokens: np.ndarray
    bottom_logits: np.ndarray


@method(
    "token_projection",
    title="Tokens written",
    page="neurons",
    params=TokenProjectionParams,
    inputs=Weights,
    needs=frozenset({VOCABULARY}),
    returns=TokenProjection,
    lane="background",
    teaching=Teaching(
        "Asks which tokens' logits a neuron's write raises and lowers on the straight way to the output.",
        "It cannot tell what later blocks make of the write, nor when the neuron fires; at a negative activation the lists swap.",
        "Davies 2025, arXiv 2501.02688; Geva et al. 2021, Transformer Feed-Forward Layers Are Key-Value Memories.",
    ),
    cost=lambda params, card: PassCount(),
)
def token_projection(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield the projection after every layer, then the whole: W_U · (gain ⊙ w_out), W_U centred over the vocabulary."""
    from backend.methods.neurons.weights.projection import projected

    yield from projected(asking.model, question.params.tokens)
