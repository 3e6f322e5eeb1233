"""Is this input familiar to the model? How well its units' states are covered by those on samples it is meant for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.neurons.coverage_profile import CHOSEN, CoverageProfileParams
from backend.methods.params import Range
from backend.methods.question import Image, Question
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import GRADIENTS, SPATIAL_LAYERS, UNITS, UnitLayer

if TYPE_CHECKING:
    from backend.engine.asking import Asking

_PROFILE = CoverageProfileParams()


@dataclass(frozen=True)
class ActivationCoverage:
    """Which corpus stands for the familiar; the rest as in `CoverageProfileParams`."""

    corpus: Annotated[str, "The corpus that stands for the familiar; empty for the model's first."] = ""
    layers: Annotated[str, f"Layers by name, with commas between; empty for {CHOSEN}."] = _PROFILE.layers
    steepness: Annotated[
        float, Range(0, 1000, 0.1), f"How steeply pull fills the range from 0 to 1, over a layer's typical pull; 0 for {CHOSEN}."
    ] = _PROFILE.steepness
    filled: Annotated[float, Range(0, 50, 0.1), f"Per cent of the samples that fill an interval; 0 for {CHOSEN}."] = (
        _PROFILE.filled
    )
    bins: Annotated[int, Range(4, 1000), "Intervals of each unit's histogram."] = _PROFILE.bins
    items: Annotated[int, Range(40, 4000, 20), "Samples that build the histogram; half as many are held out."] = _PROFILE.items

    @property
    def profile(self) -> CoverageProfileParams:
        """The parameters of the histogram."""
        return CoverageProfileParams(self.layers, self.steepness, self.filled, self.bins, self.items)


@dataclass(frozen=True)
class Coverage:
    """How familiar one sample is, beside what simpler measures say.

    score: mean coverage over units, then over layers, 0 to 1; percentile: the share of held-out familiar samples that score
        lower, in per cent. by_layer: the score of each layer.
    confidence, brightness: the largest softmax and the mean pixel as a share of white, the controls, with their percentiles.
    coverage: float32 (units,), layer after layer as in `layers`; 0 where no sample ever put the unit into this state.
    held_out: float32 (samples,), the scores that the percentile is among.
    built, sources: samples that built the histogram; sources of these and of those held out.
    auroc, auroc_confidence: what the measure is worth here, as in `CoverageProfile`.
    """

    score: float
    percentile: float
    by_layer: Mapping[str, float]
    confidence: float
    confidence_percentile: float
    brightness: float
    brightness_percentile: float
    coverage: np.ndarray
    layers: tuple[UnitLayer, ...]
    held_out: np.ndarray
    built: int
    sources: tuple[int, int]
    corpus: str
    auroc: Mapping[str, float]
    auroc_confidence: Mapping[str, float]
    passes: PassCount


@method(
    "activation_coverage",
    title="Activation coverage",
    page="neurons",
    params=ActivationCoverage,
    inputs=Image,
    needs=frozenset({GRADIENTS, UNITS, SPATIAL_LAYERS}),
    returns=Coverage,
    lane="background",
    teaching=Teaching(
        "Asks whether the model's units are in states that familiar samples put them into.",
        "It cannot tell what is strange about a sample, nor vouch for the answer to a familiar one.",
        "Liu et al. 2024, Neuron Activation Coverage, arXiv 2306.02879.",
    ),
    cost=lambda params, card: PassCount(1, 1),
)
def activation_coverage(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield the profile's progress where it is not known yet, then the sample's score. Raises ParameterError, CorpusError."""
    from backend.methods.neurons.draw.covering import cover

    yield from cover(question, asking)
