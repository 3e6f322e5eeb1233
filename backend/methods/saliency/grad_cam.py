"""Grad-CAM of every layer from one pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.params import ParameterError
from backend.methods.question import ClassLogit, Contrast, Image, Question
from backend.methods.registry import Teaching, method
from backend.methods.saliency.cells import spread, why_blank
from backend.methods.saliency.result import Saliency
from backend.methods.saliency.series import HookedGradient, HookedGradientSweep
from backend.methods.steps import PassCount, Result, Step
from backend.models.card import GRADIENTS, SPATIAL_LAYERS

if TYPE_CHECKING:
    from backend.engine.asking import Asking

BLANK = "Every weighted activation of this layer is zero: nothing in it moves the target. Try an earlier layer."


@dataclass(frozen=True)
class GradCAM:
    """Which layer is read."""

    layer: Annotated[str, "The layer whose map is shown, by name; empty for the last one with a spatial map."] = ""


@method(
    "grad_cam",
    title="Grad-CAM",
    page="saliency",
    params=GradCAM,
    inputs=Image,
    targets=(ClassLogit, Contrast),
    needs=frozenset({GRADIENTS, SPATIAL_LAYERS}),
    returns=Saliency,
    teaching=Teaching(
        "Asks which places of a layer carry channels that the target reacts to: activations weighted by their mean gradient.",
        "It cannot tell finer than the layer's cells, and a cell's value is no share of the logit; both signs are shown here, "
        "where the paper drops the negative.",
        "Selvaraju et al. 2017, Grad-CAM.",
    ),
    cost=lambda params, card: PassCount(1, 1),
    reads=lambda params: ("hooked_gradient", HookedGradient()),
)
def grad_cam(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield the chosen layer's map with those of all layers beside it."""
    card = asking.model.card
    names = [layer.name for layer in card.layers]
    chosen = question.params.layer or names[-1]
    if chosen not in names:
        raise ParameterError(f"{card.name} has no layer {chosen[:40]!r}; it has {', '.join(names)}.")
    for reading in asking.view():
        layers = {name: layer_map(reading.sweep, name) for name in names}
        cells = layers[chosen]
        yield Result(
            Saliency(
                attribution=spread(cells, *asking.sample.shape[1:]),
                cells=cells,
                target=asking.target,
                logit=reading.sweep.score,
                unit="weighted activation",
                passes=reading.passes,
                seconds=reading.seconds,
                additive=False,
                note=f"{chosen}, {cells.shape[0]} × {cells.shape[1]} cells",
                layers=layers,
                blank=why_blank(cells, reading.sweep.score, BLANK),
            )
        )


def layer_map(sweep: HookedGradientSweep, name: str) -> np.ndarray:
    """Σ_c mean gradient of channel c × activation of channel c, float32 (h, w), both signs kept (equation 1, 2)."""
    activation, gradient = sweep.activations[name], sweep.gradients[name]  # (channels, h, w)
    weights = gradient.mean(axis=(1, 2))
    return np.tensordot(weights, activation, axes=1).astype(np.float32, copy=False)
