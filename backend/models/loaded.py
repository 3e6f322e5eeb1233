"""A model ready to be asked: the module as the fast path wants it, and the layers that have a spatial map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from backend.models.card import ModelCard


@dataclass(frozen=True)
class LayerPoint:
    """Where a layer is read: the module whose output is taken, and how that output becomes (batch, channels, h, w)."""

    module: str
    to_map: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ImageModel:
    """An image classifier in evaluation mode, batch norm folded, parameters without gradients, on its device.

    module: takes (batch, C, H, W) in `dtype`, gives logits (batch, classes).
    layers: by name, in forward order; the last one is the default of Grad-CAM.
    """

    card: ModelCard
    module: nn.Module
    layers: Mapping[str, LayerPoint]
    device: torch.device
    dtype: torch.dtype
    memory_format: torch.memory_format
