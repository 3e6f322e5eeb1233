"""What coverage reads of a model: each unit's pooled activation times its pull on how undecided the answer is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from backend.engine.asking import Asking


@dataclass(frozen=True)
class Activity:
    """products: float32 (samples, units), z · ∂KL/∂z, layer after layer. confidence: float32 (samples,), the largest softmax."""

    products: np.ndarray
    confidence: np.ndarray


def divergence(logits: Tensor) -> Tensor:
    """KL(uniform ‖ softmax) of each row up to a constant, (rows,), from logits (rows, classes)."""
    return -torch.log_softmax(logits, dim=1).mean(dim=1)


def activity(asking: Asking, frames: np.ndarray, layers: Sequence[str]) -> Activity:
    """What coverage reads of samples, uint8 (samples, H, W, C), in one forward and backward pass.

    z is a unit's mean over positions; the divergence's gradient to that mean is the sum of its gradients at the positions.
    """
    rows = torch.stack([asking.tensor(pixels) for pixels in frames])
    record = asking.gradient(rows, divergence, units=tuple(layers))
    parts = [record.units[name].mean(dim=1) * record.unit_gradients[name].sum(dim=1) for name in layers]  # each (rows, units)
    confidence = torch.softmax(record.logits.float(), dim=1).amax(dim=1)
    return Activity(torch.cat(parts, dim=1).float().cpu().numpy(), confidence.cpu().numpy())


def brightness(frames: np.ndarray) -> np.ndarray:
    """The mean pixel of each sample as a share of white, float32 (samples,), from uint8 (samples, H, W, C)."""
    return frames.mean(axis=(1, 2, 3), dtype=np.float64).astype(np.float32) / np.float32(255)
