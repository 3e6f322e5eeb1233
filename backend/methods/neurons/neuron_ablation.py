"""What changes when units are switched off, scaled or clamped: probabilities, divergence and loss, beside random units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from backend.methods.params import Range
from backend.methods.question import Image, Prompt, Question
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import UNITS

if TYPE_CHECKING:
    from backend.engine.asking import AnyAsking

Mode = Literal["scale", "clamp"]
LOW, HIGH = -3.0, 3.0  # the multipliers of the curve
WIDEST = 100_000.0


@dataclass(frozen=True)
class NeuronAblation:
    """Which units are changed, and how."""

    layer: Annotated[str, "The layer of the units; empty for the middle layer of channels or neurons."] = ""
    unit: Annotated[int, Range(0, 10_000_000), "The unit's number in its layer."] = 0
    units: Annotated[str, 'Several units instead, "3,5,9", or "all" for the whole layer.'] = ""
    mode: Annotated[Mode, "Scale multiplies what the units do; clamp sets them to one value at every position."] = "scale"
    strength: Annotated[float, Range(-WIDEST, WIDEST, 0.5), "The factor, 0 switches units off; or the value of a clamp."] = 0.0
    points: Annotated[int, Range(2, 61), "Strengths on the curve, from −3 to 3 or over the clamp's range."] = 13
    low: Annotated[float, Range(-WIDEST, WIDEST), "Where the clamp's range starts; equal ends: the units' own range here."] = 0.0
    high: Annotated[float, Range(-WIDEST, WIDEST), "Where the clamp's range ends."] = 0.0
    controls: Annotated[int, Range(0, 50), "Random units of the same layer, changed alike, that the effect is held against."] = 10


@dataclass(frozen=True)
class UnitSet:
    """Some units of a layer; none named means all of them."""

    layer: str
    units: tuple[int, ...] = ()


@dataclass(frozen=True)
class Ablation:
    """The effect of changing some units, for every strength; NaN for what is not measured yet.

    strengths: float32 (points,), ascending. outputs: int32 (shown,), the ten likeliest classes or next tokens of every row.
    probabilities, logits: float32 (points, shown); base_probabilities, base_logits: (shown,), with nothing changed.
    kl: float32 (points,), divergence of the changed from the unchanged distribution, in nats. firsts: int32 (points,), the
        likeliest output, −1 while unknown.
    loss: float32 (points,), mean negative log-likelihood of the prompt's own tokens after the first, in nats; NaN for a photo.
    control_kl, control_loss: float32 (points, controls), of the random sets changed alike.
    values: float32 (positions,), what the one unit does on the sample; empty for several.
    """

    chosen: UnitSet
    mode: Mode
    strength: float
    strengths: np.ndarray
    outputs: np.ndarray
    probabilities: np.ndarray
    logits: np.ndarray
    base_probabilities: np.ndarray
    base_logits: np.ndarray
    firsts: np.ndarray
    base_first: int
    kl: np.ndarray
    loss: np.ndarray
    base_loss: float
    controls: tuple[UnitSet, ...]
    control_kl: np.ndarray
    control_loss: np.ndarray
    values: np.ndarray
    passes: PassCount
    seconds: float

    def at(self, strength: float) -> int:
        """The place on the curve that is nearest to a strength."""
        return int(np.abs(self.strengths - strength).argmin())

    def likeliest(self, place: int, count: int) -> np.ndarray:
        """Places in `outputs`, (count,), of what is likeliest before or after the change at a place, likeliest before first."""
        size = np.maximum(self.base_probabilities, np.nan_to_num(self.probabilities[place]))
        kept = np.argsort(-size, kind="stable")[:count]
        return kept[np.argsort(-self.base_probabilities[kept], kind="stable")]

    def control_range(self, place: int) -> tuple[float, float] | None:
        """The least and the greatest divergence of the controls at a place; None while none is measured."""
        known = self.control_kl[place][np.isfinite(self.control_kl[place])]
        return (float(known.min()), float(known.max())) if known.size else None

    def loss_range(self, place: int) -> tuple[float, float] | None:
        """The least and the greatest change of the loss by the controls at a place; None where there is none."""
        known = self.control_loss[place][np.isfinite(self.control_loss[place])] - self.base_loss
        return (float(known.min()), float(known.max())) if known.size else None


@method(
    "neuron_ablation",
    title="Ablation",
    page="neurons",
    params=NeuronAblation,
    inputs=Image | Prompt,
    needs=frozenset({UNITS}),
    returns=Ablation,
    teaching=Teaching(
        "Asks how the answer changes when units are multiplied or set to a value, and how it changes with random units instead.",
        "It cannot tell what a unit is for: an activation far from any the model makes may break what it never touches.",
        "Morcos et al. 2018, On the Importance of Single Directions for Generalization.",
    ),
    cost=lambda params, card: PassCount(2 + (params.points + 1) * (1 + params.controls)),
)
def neuron_ablation(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield the effect at the asked strength, then the curve, then the controls. Raises ParameterError for unknown units."""
    from backend.methods.neurons.interventions.ablation import ablation

    yield from ablation(question, asking)
