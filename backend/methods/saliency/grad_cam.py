"""Grad-CAM of every layer from one pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.params import ParameterError
from backend.methods.question import Question
from backend.methods.registry import Teaching
from backend.methods.saliency.cells import spread, why_blank
from backend.methods.saliency.result import Saliency
from backend.methods.saliency.series import HookedGradient, HookedGradientSweep
from backend.methods.saliency.views import saliency_method, views
from backend.methods.steps import PassCount, Step
from backend.models.card import GRADIENTS, SPATIAL_LAYERS

if TYPE_CHECKING:
    from backend.engine.asking import Asking
    from backend.engine.sweeps import Reading

BLANK = "Every weighted activation of this layer is zero: nothing in it moves the target. Try an earlier layer."


@dataclass(frozen=True)
class GradCAM:
    """Which layer is read."""

    layer: Annotated[str, "The layer whose map is shown, by name; empty for the last one with a spatial map."] = ""


@saliency_method(
    "grad_cam",
    title="Grad-CAM",
    params=GradCAM,
    needs=frozenset({GRADIENTS, SPATIAL_LAYERS}),
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
    """Yield the chosen layer's map with those of all layers beside it. Raises ParameterError for an unknown layer."""
    names = [layer.name for layer in asking.model.card.layers]
    if question.params.layer not in ("", *names):
        raise ParameterError(f"{asking.model.card.name} has no layer {question.params.layer[:40]!r}; it has {', '.join(names)}.")
    yield from views(asking, _view)


def _view(reading: Reading, asking: Asking) -> Saliency:
    sweep: HookedGradientSweep = reading.sweep
    layers = {name: layer_map(sweep, name) for name in sweep.activations}
    chosen = asking.question.params.layer or list(layers)[-1]
    cells = layers[chosen]
    return Saliency(
        attribution=spread(cells, *asking.frame.shape[:2]),
        cells=cells,
        target=asking.target,
        logit=sweep.score,
        unit="weighted activation",
        passes=reading.passes,
        seconds=reading.seconds,
        additive=False,
        note=f"{chosen}, {cells.shape[0]} × {cells.shape[1]} cells",
        layers=layers,
        blank=why_blank(cells, sweep.score, BLANK),
    )


def layer_map(sweep: HookedGradientSweep, name: str) -> np.ndarray:
    """Σ_c mean gradient of channel c × activation of channel c, float32 (h, w), both signs kept (equation 1, 2)."""
    activation, gradient = sweep.activations[name], sweep.gradients[name]  # (channels, h, w)
    weights = gradient.mean(axis=(1, 2))
    return np.tensordot(weights, activation, axes=1).astype(np.float32, copy=False)
