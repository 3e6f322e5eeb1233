"""SmoothGrad: the gradient averaged over noisy copies of the sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.params import Range
from backend.methods.question import Question
from backend.methods.registry import Teaching
from backend.methods.saliency.cells import GRADIENT_ZERO, why_blank
from backend.methods.saliency.result import Saliency
from backend.methods.saliency.series import Noise, NoiseSweep
from backend.methods.saliency.views import saliency_method, views
from backend.methods.steps import PassCount, Step
from backend.models.card import GRADIENTS

if TYPE_CHECKING:
    from backend.engine.asking import Asking
    from backend.engine.sweeps import Reading


@dataclass(frozen=True)
class SmoothGrad:
    """How many noisy copies, and how noisy."""

    samples: Annotated[int, Range(4, 256, 4), "Noisy copies of the photo whose gradients are averaged."] = 48
    level: Annotated[float, Range(0.01, 0.5, 0.01), "Standard deviation of the noise as a share of the photo's value range."] = (
        0.15
    )


@saliency_method(
    "smoothgrad",
    title="SmoothGrad",
    params=SmoothGrad,
    needs=frozenset({GRADIENTS}),
    teaching=Teaching(
        "Asks for the gradient averaged over noisy copies of the photo, so that what the noise does not shake off remains.",
        "It cannot tell the photo's own gradient any more, and the noise makes images the model has never seen.",
        "Smilkov et al. 2017, SmoothGrad; the sign is kept here.",
    ),
    cost=lambda params, card: PassCount(params.samples + 1, params.samples),
    reads=lambda params: ("noise", Noise(params.samples, params.level)),
)
def smoothgrad(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield the running mean gradient, (C, H, W), with the standard error of its channel sum's typical pixel."""
    yield from views(asking, _view)


def _view(reading: Reading, asking: Asking) -> Saliency:
    sweep: NoiseSweep = reading.sweep
    attribution = sweep.mean.astype(np.float32, copy=False)
    facts = {"samples": float(sweep.done)}
    note = f"{sweep.done} noisy copies"
    if sweep.done > 1:
        variance = np.maximum(sweep.mean_square - sweep.mean**2, 0) / (sweep.done - 1)
        facts["standard_error"] = float(np.sqrt(variance.mean()))
        typical = float(np.sqrt((sweep.mean**2).mean()))
        facts["standard_error_share"] = facts["standard_error"] / typical if typical else float("inf")
        note += f", ± {100 * min(facts['standard_error_share'], 9.99):.0f} % of a typical value"
    return Saliency(
        attribution=attribution,
        cells=attribution.sum(axis=0),
        target=asking.target,
        logit=sweep.score,
        unit="logit per unit of input",
        passes=reading.passes,
        seconds=reading.seconds,
        note=note,
        facts=facts,
        blank=why_blank(attribution, sweep.score, GRADIENT_ZERO),
    )
