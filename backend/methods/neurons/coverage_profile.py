"""What a model's units do on samples it is meant for: the histogram that activation coverage compares a sample with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.params import ParameterError, Range
from backend.methods.question import Corpus, Question
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import GRADIENTS, SPATIAL_LAYERS, UNITS, ModelCard, UnitLayer, unit_layer

if TYPE_CHECKING:
    from backend.engine.asking import Asking

HELD_OUT_SHARE = 2  # one sample is held out for every so many that build: a half chooses, a half reports
CHOSEN = "what tells held-out samples best from scrambled copies of them"


@dataclass(frozen=True)
class CoverageProfileParams:
    """Which units count, and how the histogram is made; what is left open is chosen on a half of the held-out samples."""

    layers: Annotated[str, f"Layers by name, with commas between; empty for {CHOSEN}."] = ""
    steepness: Annotated[
        float, Range(0, 1000, 0.1), f"How steeply pull fills the range from 0 to 1, over a layer's typical pull; 0 for {CHOSEN}."
    ] = 0.0
    filled: Annotated[float, Range(0, 50, 0.1), f"Per cent of the samples that fill an interval; 0 for {CHOSEN}."] = 0.0
    bins: Annotated[int, Range(4, 1000), "Intervals of each unit's histogram."] = 50
    items: Annotated[int, Range(40, 4000, 20), "Samples that build the histogram; half as many are held out."] = 300


@dataclass(frozen=True)
class CoverageProfile:
    """The histogram, how held-out samples of the same kind score on it, and what it is worth.

    counts: int32 (bins, units), layer after layer as in `layers`. alphas: the sigmoid's steepness in each layer.
    filled: how many samples fill an interval. built: how many built it; those held out come from other sources.
    sources: how many built it and how many are held out.
    scores: float32 (samples,), coverage of the half that reports; confidence: their largest softmax; brightness: their
        mean pixel as a share of white.
    auroc, auroc_confidence: by kind of scrambling, how well coverage and the largest softmax tell these samples from their
        scrambled copies; the settings were chosen on the other half.
    """

    layers: tuple[UnitLayer, ...]
    alphas: tuple[float, ...]
    filled: int
    counts: np.ndarray
    built: int
    sources: tuple[int, int]
    scores: np.ndarray
    confidence: np.ndarray
    brightness: np.ndarray
    auroc: Mapping[str, float]
    auroc_confidence: Mapping[str, float]
    passes: PassCount


def layers_of(names: str, card: ModelCard) -> tuple[UnitLayer, ...]:
    """The layers that the parameter names, all where it is empty. Raises ParameterError naming the ones there are."""
    if not names.strip():
        return card.units
    found = []
    for name in dict.fromkeys(part.strip() for part in names.split(",")):
        layer = unit_layer(card, name)
        if layer is None:
            there = ", ".join(item.name for item in card.units)
            raise ParameterError(f"Layers: there is no {name[:40]!r}; there are {there[:200]}.")
        found.append(layer)
    return tuple(found)


@method(
    "coverage_profile",
    title="Coverage profile",
    page="neurons",
    params=CoverageProfileParams,
    inputs=Corpus,
    needs=frozenset({GRADIENTS, UNITS, SPATIAL_LAYERS}),
    returns=CoverageProfile,
    lane="background",
    teaching=Teaching(
        "Counts in which states a model's units are on samples it is meant for: activation times pull on the answer.",
        "It knows the samples it was built from and no others: a corpus of few photos makes most photos look strange.",
        "Liu et al. 2024, Neuron Activation Coverage, arXiv 2306.02879.",
    ),
    cost=lambda params, card: PassCount(*(2 * [params.items + 3 * (params.items // HELD_OUT_SHARE)])),
)
def coverage_profile(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield progress, then the profile. Raises ParameterError, CorpusError."""
    from backend.methods.neurons.draw.covering import build

    yield from build(question, asking)
