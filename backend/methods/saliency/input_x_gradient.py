"""Input times gradient: the first-order share of each input value in the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backend.methods.question import Question
from backend.methods.registry import Teaching
from backend.methods.saliency.cells import GRADIENT_ZERO, why_blank
from backend.methods.saliency.result import Saliency
from backend.methods.saliency.series import HookedGradient, HookedGradientSweep
from backend.methods.saliency.views import saliency_method, views
from backend.methods.steps import PassCount, Step
from backend.models.card import GRADIENTS

if TYPE_CHECKING:
    from backend.engine.asking import Asking
    from backend.engine.sweeps import Reading


@dataclass(frozen=True)
class InputXGradient:
    """Nothing to choose."""


@saliency_method(
    "input_x_gradient",
    title="Input × gradient",
    params=InputXGradient,
    needs=frozenset({GRADIENTS}),
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
    yield from views(asking, _view)


def _view(reading: Reading, asking: Asking) -> Saliency:
    sweep: HookedGradientSweep = reading.sweep
    attribution = (asking.sample.double().cpu().numpy() * sweep.gradient).astype(np.float32, copy=False)
    return Saliency(
        attribution=attribution,
        cells=attribution.sum(axis=0),
        target=asking.target,
        logit=sweep.score,
        unit="logit",
        passes=reading.passes,
        seconds=reading.seconds,
        note="first order, against mid-grey",
        blank=why_blank(attribution, sweep.score, GRADIENT_ZERO),
    )
