"""Integrated Gradients over a prompt's embeddings, refined until its parts add up, its residual told where they do not."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from backend.methods.neurons.sentence.token_map import TokenMap, padded, token_map_method, why_blank
from backend.methods.params import Range
from backend.methods.question import Question
from backend.methods.registry import Teaching
from backend.methods.saliency.series import AlphaPathSweep, PathRule
from backend.methods.steps import Partial, PassCount, Result, Step
from backend.models.card import GRADIENTS

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking
    from backend.methods.neurons.sentence.explained import Explained

TokenBaseline = Literal["mean", "pad", "zero"]
ZERO = "The gradient is zero all the way from the baseline: the target does not react to this prompt."
NOT_FINITE = (
    "The gradient overflows on the way from this baseline: the model divides by the size of what it reads, and a zero embedding "
    "has none. The mean embedding is a baseline without that."
)


@dataclass(frozen=True)
class TokenIntegratedGradients:
    """How the path is sampled and where it starts."""

    rule: Annotated[
        PathRule, "Adaptive halves the segments that err most until the errors sum to 5 % or less; the others use all points."
    ] = "adaptive"
    steps: Annotated[int, Range(8, 512, 8), "Points on the path; the cap where the rule is adaptive."] = 192
    baseline: Annotated[
        TokenBaseline,
        "Every token's embedding at the start: the vocabulary's mean, the padding (or end) token's, or zero.",
    ] = "mean"


@token_map_method(
    "token_ig",
    title="Integrated Gradients of tokens",
    params=TokenIntegratedGradients,
    needs=frozenset({GRADIENTS}),
    teaching=Teaching(
        "Asks what each token adds to the target's logit on the straight way from a baseline text to this one.",
        "It cannot follow text: points between two texts are no words, and a deep decoder jumps about on the way, so look at "
        "what is missing from the sum before you read a share.",
        "Sundararajan, Taly and Yan 2017, Axiomatic Attribution for Deep Networks, section 6.",
    ),
    cost=lambda params, card: PassCount(params.steps + (0 if params.rule == "adaptive" else 2), params.steps),
)
def token_ig(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield the map as the path fills, then the finished one; nothing is rescaled to hide the residual."""
    from backend.methods.neurons.sentence.embedding_path import embedding_path
    from backend.methods.neurons.sentence.explained import explained

    before = time.perf_counter()
    params: TokenIntegratedGradients = question.params
    prompt = explained(asking)
    for sweep in embedding_path(asking, prompt, params.baseline, params.rule, params.steps):
        shown = _view(sweep, prompt, asking.spent, time.perf_counter() - before)
        if sweep.done < sweep.total:
            yield Partial(shown, sweep.done, sweep.total)
    yield Result(shown)


def _view(sweep: AlphaPathSweep, prompt: Explained, passes: PassCount, seconds: float) -> TokenMap:
    attribution = (sweep.mean_gradient * sweep.difference).sum(axis=1)  # (position + 1,)
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
    return TokenMap(
        tokens=prompt.texts,
        attribution=padded(attribution, len(prompt.texts)),
        target=prompt.target,
        position=prompt.position,
        score=sweep.score,
        unit="logit",
        passes=passes,
        seconds=seconds,
        facts=facts,
        note=_note(sweep, facts),
        blank=why_blank(np.asarray(attribution), sweep.score, ZERO, NOT_FINITE),
    )


def _note(sweep: AlphaPathSweep, facts: dict[str, float]) -> str:
    points = f"{sweep.done} points" if sweep.done == sweep.total else f"{sweep.done} points so far"
    if not math.isfinite(facts["residual_share"]):
        return points
    parts = facts.get("absolute_residual_share")
    by_part = f", its parts within {100 * parts:.0f} %" if parts is not None and math.isfinite(parts) else ""
    return f"{points}, sums within {100 * facts['residual_share']:.1f} %{by_part}"
