"""One forward and one backward that keep every layer: read by gradient, input × gradient and every Grad-CAM."""

from __future__ import annotations

from collections.abc import Iterator

from backend.engine.asking import Asking, array
from backend.methods.registry import sweep
from backend.methods.saliency.series import HookedGradient, HookedGradientSweep


@sweep("hooked_gradient", params=HookedGradient, by_target=True)
def hooked_gradient(asking: Asking, params: HookedGradient) -> Iterator[HookedGradientSweep]:
    """Yield the one snapshot."""
    layers = asking.model.layers
    record = asking.gradient(asking.sample[None], asking.target, record=tuple(layers))
    yield HookedGradientSweep(
        score=float(record.scores[0]),
        gradient=array(record.gradient[0]),
        activations={name: array(layers[name].to_map(tensor)[0]) for name, tensor in record.activations.items()},
        gradients={name: array(layers[name].to_map(tensor)[0]) for name, tensor in record.gradients.items()},
    )
