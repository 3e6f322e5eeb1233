"""One forward and one backward that keep every layer: read by gradient, input × gradient and every Grad-CAM."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from backend.engine.asking import Asking
from backend.methods.registry import sweep
from backend.methods.saliency.series import HookedGradient, HookedGradientSweep


@sweep("hooked_gradient", params=HookedGradient, by_target=True)
def hooked_gradient(asking: Asking, params: HookedGradient) -> Iterator[HookedGradientSweep]:
    """Yield the one snapshot."""
    layers = asking.model.layers
    record = asking.gradient(asking.sample[None], asking.target, record=tuple(layers))
    yield HookedGradientSweep(
        score=float(record.scores[0]),
        gradient=record.gradient[0].cpu().numpy(),
        activations={name: _map(layers[name].to_map(tensor)) for name, tensor in record.activations.items()},
        gradients={name: _map(layers[name].to_map(tensor)) for name, tensor in record.gradients.items()},
    )


def _map(tensor: Tensor) -> np.ndarray:
    return np.asarray(tensor[0].cpu().numpy())
