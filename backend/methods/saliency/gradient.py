"""The gradient of the target to each input value."""

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
class Gradient:
    """Nothing to choose."""


@saliency_method(
    "gradient",
    title="Gradient",
    params=Gradient,
    needs=frozenset({GRADIENTS}),
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
    yield from views(asking, _view)


def _view(reading: Reading, asking: Asking) -> Saliency:
    sweep: HookedGradientSweep = reading.sweep
    attribution = sweep.gradient.astype(np.float32, copy=False)
    return Saliency(
        attribution=attribution,
        cells=attribution.sum(axis=0),
        target=asking.target,
        logit=sweep.score,
        unit="logit per unit of input",
        passes=reading.passes,
        seconds=reading.seconds,
        note="at this photo only",
        blank=why_blank(attribution, sweep.score, GRADIENT_ZERO),
    )
