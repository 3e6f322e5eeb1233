"""What a model's units do on samples it is meant for: the histogram that activation coverage compares a sample with."""

from __future__ import annotations

from collections.abc import Iterator
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

HELD_OUT_SHARE = 4  # one sample is held out for every so many that build
LARGEST_ALPHA = 100_000.0


@dataclass(frozen=True)
class CoverageProfileParams:
    """Which units count, and how the histogram is made."""

    layers: Annotated[str, "Layers by name, with commas between; empty for the last quarter of the layers, at least one."] = ""
    alpha: Annotated[float, Range(0.1, LARGEST_ALPHA, 0.1), "How steeply an activation's pull fills the range from 0 to 1."] = (
        100.0
    )
    bins: Annotated[int, Range(4, 1000), "Intervals of each unit's histogram."] = 50
    filled: Annotated[int, Range(1, 1000), "Samples that fill an interval: fewer cover a state in part."] = 5
    items: Annotated[int, Range(20, 5000, 20), "Samples that build the histogram; a quarter as many more are held out."] = 400


@dataclass(frozen=True)
class CoverageProfile:
    """The histogram, and how held-out samples of the same kind score on it.

    counts: int32 (bins, units), layer after layer as in `layers`.
    built, held_out: how many samples; their sources are apart. sources: how many built it and how many are held out.
    scores: float32 (held_out,), coverage; confidence: the largest softmax; brightness: mean pixel as a share of white.
    """

    layers: tuple[UnitLayer, ...]
    alpha: float
    filled: int
    counts: np.ndarray
    built: int
    held_out: int
    sources: tuple[int, int]
    scores: np.ndarray
    confidence: np.ndarray
    brightness: np.ndarray
    passes: PassCount


def layers_of(names: str, card: ModelCard) -> tuple[UnitLayer, ...]:
    """The layers that the parameter names. Raises ParameterError naming the ones there are."""
    if not names.strip():
        return card.units[-max(1, len(card.units) // 4) :]
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
    cost=lambda params, card: PassCount(*(2 * [params.items + params.items // HELD_OUT_SHARE])),
)
def coverage_profile(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield progress, then the profile. Raises ParameterError, CorpusError."""
    from backend.methods.neurons.draw.covering import build

    yield from build(question, asking)
