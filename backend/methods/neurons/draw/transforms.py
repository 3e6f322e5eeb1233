"""Small shifts, scalings and rotations of a picture, so that no unit is excited by a pattern that only works in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Reach:
    """How far transformations go: shift in pixels, scale as a share, rotation in degrees, each to both sides."""

    shift: float
    scale: float
    degrees: float


def reach(height: int, width: int) -> Reach:
    """A 28th of the side and 10° for photos (8 px at 224, as in Lucid); a pixel and 5° for pictures a few pixels wide."""
    side = min(height, width)
    return Reach(max(1.0, side / 28), 0.1 if side >= 64 else 0.05, 10.0 if side >= 64 else 5.0)


def drawn(count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """`count` random transformations as float32 (count, 2, 3), in the coordinates of `torch.affine_grid`."""
    most = reach(height, width)
    angle, scale, right, down = (2 * torch.rand(4, count, generator=generator) - 1).unbind()
    angle, scale = angle * math.radians(most.degrees), 1 + scale * most.scale
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    across = torch.stack([cosine, -sine * height / width, right * 2 * most.shift / width], dim=1)
    along = torch.stack([sine * width / height, cosine, down * 2 * most.shift / height], dim=1)
    return torch.stack([across, along], dim=1)  # (count, 2, 3)


def identity(count: int) -> Tensor:
    """Transformations that change nothing, float32 (count, 2, 3)."""
    return torch.eye(2, 3).expand(count, 2, 3)


def transformed(pictures: Tensor, transformations: Tensor) -> Tensor:
    """Pictures (count or 1, C, H, W) under transformations (count, 2, 3); zeros come in at the edge, the model's mean grey."""
    moves = transformations.to(pictures.device, pictures.dtype)
    size = [len(moves), *pictures.shape[1:]]
    grid = functional.affine_grid(moves, size, align_corners=False)  # (count, H, W, 2)
    return functional.grid_sample(pictures.expand(size), grid, padding_mode="zeros", align_corners=False)
