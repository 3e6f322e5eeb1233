"""The neurons that raise or lower one token most, read off the weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.params import Range
from backend.methods.question import Question, Weights
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Result, Step
from backend.models.card import VOCABULARY, UnitLayer

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

LARGEST_TOKEN = 10_000_000


@dataclass(frozen=True)
class TokenWritersParams:
    """Which token, and how many neurons."""

    token: Annotated[int, Range(0, LARGEST_TOKEN), "The token's number in the vocabulary."] = 0
    neurons: Annotated[int, Range(1, 500), "Neurons listed at each end."] = 50


@dataclass(frozen=True)
class TokenWriters:
    """The neurons that write one token most, and those that erase it most.

    writers, erasers: int32 (k,), flat places over `layers` (the MLP layers), strongest first.
    writer_logits, eraser_logits: float32 (k,), in the unit of `TokenProjection`.
    deviation: the standard deviation of all neurons' effects on this token, the scale to judge a logit by.
    """

    layers: tuple[UnitLayer, ...]
    token: int
    writers: np.ndarray
    writer_logits: np.ndarray
    erasers: np.ndarray
    eraser_logits: np.ndarray
    deviation: float


@method(
    "token_writers",
    title="Writers of a token",
    page="neurons",
    params=TokenWritersParams,
    inputs=Weights,
    needs=frozenset({VOCABULARY}),
    returns=TokenWriters,
    teaching=Teaching(
        "Asks which neurons raise and lower one token's logit most on the straight way to the output.",
        "It cannot tell whether they ever fire before that token; the examples of a neuron do.",
        "Davies 2025, arXiv 2501.02688.",
    ),
    cost=lambda params, card: PassCount(),
)
def token_writers(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield the list: one row of the centred readout times every neuron's write."""
    from backend.methods.neurons.weights.projection import writers

    yield Result(writers(asking.model, question.params.token, question.params.neurons))
