"""The gradient of the target to each input value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backend.methods.question import ClassLogit, Contrast, Image, Question
from backend.methods.registry import Teaching, method
from backend.methods.saliency.cells import GRADIENT_ZERO, why_blank
from backend.methods.saliency.result import Saliency
from backend.methods.saliency.series import HookedGradient
from backend.methods.steps import PassCount, Result, Step
from backend.models.card import GRADIENTS

if TYPE_CHECKING:
    from backend.engine.asking import Asking


@dataclass(frozen=True)
class Gradient:
    """Nothing to choose."""


@method(
    "gradient",
    title="Gradient",
    page="saliency",
    params=Gradient,
    inputs=Image,
    targets=(ClassLogit, Contrast),
    needs=frozenset({GRADIENTS}),
    returns=Saliency,
    teaching=Teaching(
        "Asks how the target would change if each pixel grew a little: one forward and one backward pass.",
        "It cannot tell what matters beyond a tiny step, so it is noisy and blind where the model saturates.",
        "Simonyan, Vedaldi and Zisserman 2013, Deep Inside Convolutional Networks.",
    ),
    cost=lambda params, card: PassCount(1, 1),
    reads=lambda params: ("hooked_gradient", HookedGradient()),
)
def gradient(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield the signed gradient, (C, H, W), logit per unit of the normalised input."""
    for reading in asking.view():
        attribution = reading.sweep.gradient
        yield Result(
            Saliency(
                attribution=attribution.astype(np.float32, copy=False),
                cells=attribution.sum(axis=0).astype(np.float32, copy=False),
                target=asking.target,
                logit=reading.sweep.score,
                unit="logit per unit of input",
                passes=reading.passes,
                seconds=reading.seconds,
                note="at this photo only",
                blank=why_blank(attribution, reading.sweep.score, GRADIENT_ZERO),
            )
        )
