"""What the model says of a sample: the logits of every class, or of every token that may come next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.methods.question import Image, Prompt, Question
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Result, Step
from backend.models.card import FORWARD


@dataclass(frozen=True)
class PredictionParams:
    """Nothing to choose."""


@dataclass(frozen=True)
class Prediction:
    """logits: float32 (classes,), of a language model (vocabulary,) after the prompt's last token."""

    logits: np.ndarray
    passes: PassCount

    @property
    def probabilities(self) -> np.ndarray:
        """Softmax of the logits, float64 (classes,)."""
        return softmax_column(self.logits[None].astype(np.float64), slice(None))[0]

    def top(self, count: int) -> list[int]:
        """The classes of the largest logits, largest first."""
        return [int(index) for index in np.argsort(-self.logits, kind="stable")[:count]]


def softmax_column(logits: np.ndarray, index: int | slice) -> np.ndarray:
    """The softmax of each row of logits (rows, classes) at one class, (rows,), or at a slice of classes."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    totals = exponentials.sum(axis=1)
    return exponentials[:, index] / (totals if isinstance(index, int) else totals[:, None])


@method(
    "prediction",
    title="Prediction",
    page="shared",
    params=PredictionParams,
    inputs=Image | Prompt,
    needs=frozenset({FORWARD}),
    returns=Prediction,
    teaching=Teaching(
        "One forward pass gives every class, or every next token, a logit, and softmax turns logits into probabilities.",
        "A probability is the model's, not the world's: it can be high and wrong.",
        "Guo et al. 2017 measure how far such probabilities are from frequencies.",
    ),
    cost=lambda params, card: PassCount(1, 0),
)
def prediction(question: Question, asking: Any) -> Iterator[Step]:
    """Yield the prediction."""
    if isinstance(question.inputs, Prompt):
        logits = asking.forward(asking.tokens).logits[0, -1]
    else:
        logits = asking.forward(asking.sample[None]).logits[0]
    yield Result(Prediction(logits.float().cpu().numpy(), asking.spent))
