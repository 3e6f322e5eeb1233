"""Input times gradient: the first-order share of each input value in the target."""

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
class InputXGradient:
    """Nothing to choose."""


@method(
    "input_x_gradient",
    title="Input × gradient",
    page="saliency",
    params=InputXGradient,
    inputs=Image,
    targets=(ClassLogit, Contrast),
    needs=frozenset({GRADIENTS}),
    returns=Saliency,
    teaching=Teaching(
        "Asks what each pixel would add to the target if the model were a straight line: gradient times value.",
        "It cannot tell anything about mid-grey pixels, the zero of the input, and on a curved model it sums to no logit.",
        "Shrikumar et al. 2016, Not Just a Black Box.",
    ),
    cost=lambda params, card: PassCount(1, 1),
    reads=lambda params: ("hooked_gradient", HookedGradient()),
)
def input_x_gradient(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield the normalised input times its gradient, (C, H, W), in logits."""
    sample = asking.sample.float().cpu().numpy()
    for reading in asking.view():
        attribution = sample * reading.sweep.gradient
        yield Result(
            Saliency(
                attribution=attribution.astype(np.float32, copy=False),
                cells=attribution.sum(axis=0).astype(np.float32, copy=False),
                target=asking.target,
                logit=reading.sweep.score,
                unit="logit",
                passes=reading.passes,
                seconds=reading.seconds,
                note="first order, against mid-grey",
                blank=why_blank(attribution, reading.sweep.score, GRADIENT_ZERO),
            )
        )
