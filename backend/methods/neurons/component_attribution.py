"""COAR: what each component adds to the answer, by a linear model of random ablations that is tested on fresh ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from backend.methods.params import Range
from backend.methods.question import ClassLogit, Contrast, Image, Prompt, Question, Target, TokenLogit
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import UNITS

if TYPE_CHECKING:
    from backend.engine.asking import AnyAsking

Components = Literal["units", "layers"]
MASKS_PER_COMPONENT = 5
LEAST_MASKS = 200


@dataclass(frozen=True)
class ComponentAttribution:
    """Which components, and how many random ablations."""

    components: Annotated[Components, "The units of one layer, or whole layers: all neurons or heads of a block at once."] = (
        "units"
    )
    layer: Annotated[str, "The layer of the units; empty for the middle layer of channels or neurons."] = ""
    masks: Annotated[int, Range(0, 20_000, 100), "Random ablations to learn from; 0 takes five for each component."] = 0
    keep: Annotated[float, Range(0.5, 0.99, 0.01), "The chance of each component to be kept."] = 0.9
    held_out: Annotated[int, Range(50, 1000, 50), "Further random ablations that the linear model is tested on."] = 200


@dataclass(frozen=True)
class Removal:
    """A prediction put to use: the components said to help most, and to hinder most, taken away together.

    count: how many. for_predicted, for_measured: the change of the target without those that help most; against_…: that hinder
    most. random: float32 (sets,), the measured change without as many random ones.
    """

    count: int
    for_predicted: float
    for_measured: float
    against_predicted: float
    against_measured: float
    random: np.ndarray


@dataclass(frozen=True)
class ComponentAttributions:
    """The linear model: target ≈ bias + Σ weight over the components that are kept.

    names: the components: layers by name, or units as "layer:number". weights, standard_errors: float32 (components,), in
        logits; a ridge penalty draws weights to zero, and the errors do not hold that bias.
    predicted, measured: float32 (held out,), the target on fresh random ablations. correlation: of the two, with its 95 %
        interval (Fisher's z). shuffled: float32 (models,), the same correlation of models learnt from shuffled masks.
    score: the target with everything kept. penalty: chosen by generalised cross-validation on the masks learnt from.
    removal: None until the model is finished.
    """

    names: tuple[str, ...]
    weights: np.ndarray
    standard_errors: np.ndarray
    bias: float
    score: float
    predicted: np.ndarray
    measured: np.ndarray
    correlation: float
    interval: tuple[float, float]
    shuffled: np.ndarray
    masks: int
    keep: float
    penalty: float
    removal: Removal | None
    target: Target
    passes: PassCount
    seconds: float


def planned_masks(params: ComponentAttribution, components: int) -> int:
    """How many masks are learnt from."""
    return params.masks or max(LEAST_MASKS, MASKS_PER_COMPONENT * components)


def _cost(params: ComponentAttribution, card: object) -> PassCount:
    from backend.methods.neurons.interventions.choice import chosen_layer
    from backend.models.card import LanguageCard, ModelCard

    assert isinstance(card, ModelCard | LanguageCard)
    count = len(card.units) if params.components == "layers" else chosen_layer(params.layer, card.units).count
    return PassCount(planned_masks(params, count) + params.held_out + 14)


@method(
    "component_attribution",
    title="Component attribution",
    page="neurons",
    params=ComponentAttribution,
    inputs=Image | Prompt,
    targets=(ClassLogit, Contrast, TokenLogit),
    needs=frozenset({UNITS}),
    returns=ComponentAttributions,
    lane="background",
    teaching=Teaching(
        "Asks what each component adds to the target, by learning from random ablations of many at once.",
        "It cannot tell how components work together: what the linear model misses is the correlation's distance from 1.",
        "Shah, Ilyas and Madry 2024, Decomposing and Editing Predictions by Modeling Model Computation (COAR).",
    ),
    cost=_cost,
)
def component_attribution(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield the weights as masks come in, then the tested model. Raises ParameterError for components there are not."""
    from backend.methods.neurons.interventions.components import components

    yield from components(question, asking)
