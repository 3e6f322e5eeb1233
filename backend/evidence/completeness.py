"""Completeness: do a map's shares sum to the change in the target that it promises to explain?"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backend.evidence.checked import checked_map, run_of
from backend.evidence.finding import Finding, Measure, Verdict
from backend.methods.question import ClassLogit, Contrast, Question, Runs
from backend.methods.registry import Teaching, method
from backend.methods.saliency.occlusion import score_rows
from backend.methods.saliency.result import Saliency
from backend.methods.steps import PassCount, Result, Step
from backend.models.card import FORWARD

if TYPE_CHECKING:
    from backend.engine.asking import Asking

NET_LIMIT = 0.02  # of the change in the target
SEGMENT_LIMIT = 0.05
FIRST_ORDER = "input_x_gradient"  # its baseline is the zero of the input, and only a straight line would sum to the change
UNIT = "share"


@dataclass(frozen=True)
class Completeness:
    """Nothing to choose."""


@method(
    "completeness",
    title="Completeness",
    page="shared",
    params=Completeness,
    inputs=Runs,
    targets=(ClassLogit, Contrast),
    needs=frozenset({FORWARD}),
    returns=Finding,
    teaching=Teaching(
        "Adds up the map and compares the sum with the change in the target from the baseline to the photo.",
        "It cannot tell whether each share sits at the right pixel, only that nothing is missing in all; most methods promise "
        "no sum, and then there is nothing to hold them to.",
        "Sundararajan, Taly and Yan 2017, Axiomatic Attribution for Deep Networks, section 3.",
    ),
    cost=lambda params, card: PassCount(1),
    is_check=True,
)
def completeness(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield the share of the change that is missing; a pass is spent only on the baseline of a first-order map."""
    saliency = yield from checked_map(question, asking)
    before = time.perf_counter()
    if "baseline_logit" in saliency.facts:
        measures, protocol = _held_to_promise(saliency)
    elif run_of(question).method == FIRST_ORDER:
        measures, protocol = _first_order(saliency, asking)
    else:
        measures = (Measure("missing logit", math.nan, {}, "less", UNIT, "not promised"),)
        protocol = "This method does not promise that its map sums to anything, so nothing was measured."
    yield Result(Finding("completeness", measures, protocol, asking.spent, time.perf_counter() - before))


def _held_to_promise(saliency: Saliency) -> tuple[tuple[Measure, ...], str]:
    """Measures of a map that promises the sum: the net share missing and, where it is known, the sum by segments."""
    baseline = saliency.facts["baseline_logit"]
    measures = [_against_limit("missing logit", missing(saliency, baseline), NET_LIMIT)]
    protocol = (
        f"The sum of the map in every channel, {_total(saliency):.3f}, against the target on the photo minus on the baseline, "
        f"{saliency.logit:.3f} − {baseline:.3f}; the difference as a share of that change. "
        f"More than {100 * NET_LIMIT:.0f} % fails."
    )
    if "absolute_residual_share" in saliency.facts:
        share = saliency.facts["absolute_residual_share"]
        measures.append(_against_limit("missing by segment", share, SEGMENT_LIMIT))
        protocol += (
            " By segment: the same for each part of the path, absolute values added, so that errors cannot cancel; more than "
            f"{100 * SEGMENT_LIMIT:.0f} % fails."
        )
    return tuple(measures), protocol + " The map is not rescaled."


def _first_order(saliency: Saliency, asking: Asking) -> tuple[tuple[Measure, ...], str]:
    """What a map that promises no sum misses against the zero of the input, for information."""
    logits = asking.forward((asking.sample * 0)[None]).logits.float().cpu().numpy()
    baseline = float(score_rows(logits, asking.target)[0])
    value = missing(saliency, baseline)
    protocol = (
        f"Not promised: the method takes the model for a straight line. The sum of its map is {_total(saliency):.3f}; the target "
        f"goes from {baseline:.3f} at the zero of the input (mid-grey) to {saliency.logit:.3f} on the photo."
    )
    return (Measure("missing logit", value, {}, "less", UNIT, "not promised"),), protocol


def missing(saliency: Saliency, baseline: float) -> float:
    """|Σ attribution − (target − baseline)| as a share of |target − baseline|; infinite where there is no change."""
    change = saliency.logit - baseline
    return abs(_total(saliency) - change) / abs(change) if change else math.inf


def _total(saliency: Saliency) -> float:
    return float(saliency.attribution.sum(dtype=np.float64))


def _against_limit(name: str, value: float, limit: float) -> Measure:
    verdict: Verdict = "beats the control" if value <= limit else "fails the control"  # NaN fails
    return Measure(name, value, {"limit": (limit,)}, "less", UNIT, verdict)
