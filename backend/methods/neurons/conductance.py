"""Conductance: how much of the change from a baseline to the sample flows through each unit, for all layers in one sweep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from backend.data.baselines import Baseline
from backend.methods.neurons.token_ig import TokenBaseline
from backend.methods.params import Range
from backend.methods.question import ClassLogit, Contrast, Image, Prompt, Question, Target, TokenLogit
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import GRADIENTS, UNITS, UnitLayer

if TYPE_CHECKING:
    from backend.engine.asking import AnyAsking

Rule = Literal["adaptive", "uniform", "gauss-legendre"]


@dataclass(frozen=True)
class ConductanceParams:
    """How the path is sampled and where it starts."""

    rule: Annotated[
        Rule,
        "Adaptive walks the points where Integrated Gradients needs them, with the mean of the gradients at a segment's ends; "
        "the others are even or Gauss points with the gradient at its start.",
    ] = "adaptive"
    steps: Annotated[int, Range(8, 512, 8), "Segments of the path; where the rule is adaptive, the most points it may visit."] = (
        192
    )
    baseline: Annotated[Baseline, "Of a photo: what stands for nothing there."] = "black"
    text_baseline: Annotated[TokenBaseline, "Of a prompt: what every token's embedding starts from."] = "mean"


@dataclass(frozen=True)
class Conductance:
    """Every unit's share of the change of the target, in logits, its positions summed.

    values: by layer in forward order, (units,), float32, or float64 where the model computes in it.
    whole: layers that everything flows through, found by patching: only their shares sum to `score` − `baseline_score`.
    residuals: by whole layer, that sum minus the change, so far. absolute_residuals: the same by segment of the points visited,
        absolute values added.
    path_residual: what Integrated Gradients misses of the change on the same path, absolute by segment; NaN for fixed rules.
    points: visited for the shares, those of the path before them not counted.
    """

    layers: tuple[UnitLayer, ...]
    values: Mapping[str, np.ndarray]
    whole: tuple[str, ...]
    residuals: Mapping[str, float]
    absolute_residuals: Mapping[str, float]
    path_residual: float
    score: float
    baseline_score: float
    points: int
    target: Target
    passes: PassCount
    seconds: float

    @property
    def change(self) -> float:
        """What there is to share: the target on the sample minus on the baseline."""
        return self.score - self.baseline_score


@method(
    "conductance",
    title="Conductance",
    page="neurons",
    params=ConductanceParams,
    inputs=Image | Prompt,
    targets=(ClassLogit, Contrast, TokenLogit),
    needs=frozenset({GRADIENTS, UNITS}),
    returns=Conductance,
    teaching=Teaching(
        "Asks how much of the target's change from a baseline to the sample flows through each unit of each layer.",
        "It cannot tell what happens without a unit: others may take over. Units of different layers share the same flow, and a "
        "layer that something bypasses has no fixed sum.",
        "Dhamdhere, Sundararajan and Yan 2018, How Important Is a Neuron?",
    ),
    cost=lambda params, card: PassCount(3 * params.steps + len(card.units) + 4, 3 * params.steps),
)
def conductance(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield the shares as the path is walked from the baseline, then as its worst segments are halved."""
    from backend.methods.neurons.interventions.flow import flow

    yield from flow(question, asking)
