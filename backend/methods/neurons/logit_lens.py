"""The logit lens: what the model would say if it stopped after each block."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backend.methods.question import Prompt, Question
from backend.methods.registry import Teaching, method
from backend.methods.steps import Partial, PassCount, Result, Step
from backend.models.card import FORWARD, VOCABULARY

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

TOP = 5


@dataclass(frozen=True)
class LogitLensParams:
    """Nothing to choose."""


@dataclass(frozen=True)
class LogitLens:
    """The next token read from the residual stream, layers being the stream before each block and after the last.

    tokens: the prompt's, as texts of their own. top_tokens: int32 (layers, tokens, 5), likeliest first.
    top_probabilities: float32, alike. divergence: float32 (layers, tokens), Kullback–Leibler divergence from the model's own
        distribution there to the lens's, in nats. rank: int32 (layers, tokens), of the model's own answer in the lens, 1 for
        the first. control: float32 (layers, tokens), the divergence from the model's distribution at other positions.
    Layers not read yet hold −1 in whole numbers and NaN in the others.
    """

    tokens: tuple[str, ...]
    top_tokens: np.ndarray
    top_probabilities: np.ndarray
    divergence: np.ndarray
    rank: np.ndarray
    control: np.ndarray
    passes: PassCount
    seconds: float


@method(
    "logit_lens",
    title="Logit lens",
    page="neurons",
    params=LogitLensParams,
    inputs=Prompt,
    needs=frozenset({FORWARD, VOCABULARY}),
    returns=LogitLens,
    teaching=Teaching(
        "Reads the residual stream after each block through the model's own last norm and unembedding, as if no block followed.",
        "It cannot tell that a block knows nothing: early blocks may write in directions that only later blocks turn into words.",
        "nostalgebraist 2020, interpreting GPT: the logit lens; Belrose et al. 2023 train a better-fitting lens.",
    ),
    cost=lambda params, card: PassCount(1),
)
def logit_lens(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield the layers as they are read, the last layer first: it is the model's own answer, and the others are held to it."""
    from backend.methods.neurons.sentence.lens import layers_read

    before = time.perf_counter()
    for done, total, arrays in layers_read(asking):
        found = LogitLens(**arrays, passes=asking.spent, seconds=time.perf_counter() - before)
        if done < total:
            yield Partial(found, done, total)
    yield Result(found)
