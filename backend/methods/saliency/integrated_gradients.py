"""Integrated Gradients, refined until its parts add up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.data.baselines import Baseline
from backend.methods.params import Range
from backend.methods.question import Question
from backend.methods.registry import Teaching
from backend.methods.saliency.cells import GRADIENT_ZERO, why_blank
from backend.methods.saliency.result import Saliency
from backend.methods.saliency.series import AlphaPath, AlphaPathSweep, PathRule
from backend.methods.saliency.views import saliency_method, views
from backend.methods.steps import PassCount, Step
from backend.models.card import GRADIENTS

if TYPE_CHECKING:
    from backend.engine.asking import Asking
    from backend.engine.sweeps import Reading


@dataclass(frozen=True)
class IntegratedGradients:
    """How the path is sampled and where it starts."""

    rule: Annotated[
        PathRule, "Adaptive halves the segments that err most until the errors sum to 5 % or less; the others use all points."
    ] = "adaptive"
    steps: Annotated[int, Range(8, 256, 8), "Points on the path; the cap where the rule is adaptive."] = 192
    baseline: Annotated[Baseline, "What stands for nothing there: the map explains the change from it to the photo."] = "black"


@saliency_method(
    "integrated_gradients",
    title="Integrated Gradients",
    params=IntegratedGradients,
    needs=frozenset({GRADIENTS}),
    teaching=Teaching(
        "Asks what each pixel adds to the target on the way from the baseline to the photo; the shares sum to the change.",
        "It cannot tell what would happen with another baseline: pixels that equal the baseline always get zero.",
        "Sundararajan, Taly and Yan 2017, Axiomatic Attribution for Deep Networks.",
    ),
    cost=lambda params, card: PassCount(params.steps + (0 if params.rule == "adaptive" else 2), params.steps),
    reads=lambda params: ("alpha_path", AlphaPath(params.rule, params.steps, params.baseline)),
)
def integrated_gradients(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield the map as the path fills, then the finished one; nothing is rescaled to hide the residual."""
    yield from views(asking, _view)


def _view(reading: Reading, asking: Asking) -> Saliency:
    sweep: AlphaPathSweep = reading.sweep
    attribution = (sweep.mean_gradient * sweep.difference).astype(np.float32, copy=False)
    span = abs(sweep.score - sweep.baseline_score)
    facts = {
        "points": float(sweep.done),
        "residual": sweep.residual,
        "residual_share": abs(sweep.residual) / span if span else math.inf,
        "baseline_logit": sweep.baseline_score,
        "last_change": sweep.change,
    }
    if sweep.absolute_residual is not None:
        facts["absolute_residual_share"] = sweep.absolute_residual / span if span else math.inf
    return Saliency(
        attribution=attribution,
        cells=attribution.sum(axis=0),
        target=asking.target,
        logit=sweep.score,
        unit="logit",
        passes=reading.passes,
        seconds=reading.seconds,
        note=_note(sweep, facts["residual_share"]),
        facts=facts,
        blank=why_blank(attribution, sweep.score, GRADIENT_ZERO),
    )


def _note(sweep: AlphaPathSweep, share: float) -> str:
    if not math.isfinite(share) or math.isnan(sweep.baseline_score):
        return f"{sweep.done} points so far"
    points = f"{sweep.done} points" if sweep.done == sweep.total else f"{sweep.done} points so far"
    return f"{points}, sums within {100 * share:.1f} %"
