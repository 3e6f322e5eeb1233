"""What a unit gives on finished pictures under transformations: the evidence beside a drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from backend.engine.asking import Asking, array
from backend.methods.neurons.draw.aim import Aim
from backend.methods.neurons.draw.transforms import drawn, identity, transformed

# Seeds of transformations that stay the same for every unit and question, apart from those of the ascent.
CHOOSING_SEED, HELD_OUT_SEED = 1_000_003, 1_000_033


@dataclass(frozen=True)
class Measured:
    """What a unit gives: scores, peaks: float32 (rows,), the objective and the strongest position."""

    scores: np.ndarray
    peaks: np.ndarray


def moves(count: int, seed: int, height: int, width: int) -> Tensor:
    """`count` transformations of a seed, float32 (count, 2, 3)."""
    return drawn(count, height, width, torch.Generator().manual_seed(seed))


def measured(asking: Asking, aim: Aim, pictures: np.ndarray, transformations: Tensor | None = None) -> Measured:
    """The unit on pictures, uint8 (count or 1, H, W, C), under transformations (count, 2, 3), none where not given.

    The rounded pixels are measured, what a reader sees, and not the picture that the ascent holds.
    """
    rows = torch.stack([asking.tensor(picture) for picture in pictures])  # (count or 1, C, H, W)
    seen = transformed(rows, identity(len(rows)) if transformations is None else transformations)
    values = asking.forward(seen, units=(aim.layer,)).units[aim.layer]  # (rows, positions, units)
    return Measured(array(aim.measured(values)).astype(np.float32), array(aim.strongest(values)).astype(np.float32))


def noise(count: int, height: int, width: int, channels: int, seed: int) -> np.ndarray:
    """Pictures of independent, evenly spread pixels, uint8 (count, H, W, C)."""
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), dtype=np.uint8)
