"""Models planted for tests: the answer is known from their weights, and every row they see is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from backend.data.frames import Preprocess

SIDE, CLASSES = 8, 3
FRAME = Preprocess(SIDE, SIDE, SIDE, mean=(0.0,), std=(255.0,))
LABELS = tuple(f"class {index}" for index in range(CLASSES))
WEIGHTS = np.random.default_rng(5).normal(size=(CLASSES, SIDE * SIDE)).astype(np.float32)
WEIGHTS[:, 9] = 0.0  # a pixel no class looks at
DUMMY = (9 // SIDE, 9 % SIDE)


class Watched(nn.Module):
    """Counts the rows of every forward pass and lets a test act inside it. Shared by copies, since loading copies modules."""

    rows: ClassVar[list[int]] = []
    act: ClassVar[Callable[[int], None] | None] = None

    def forward(self, pixels: Tensor) -> Tensor:
        """Pass the pixels on, counted."""
        Watched.rows.append(len(pixels))
        if Watched.act is not None:
            Watched.act(len(pixels))
        return pixels

    @classmethod
    def reset(cls) -> None:
        """Forget rows and act."""
        cls.rows.clear()
        cls.act = None

    @classmethod
    def total(cls) -> int:
        """Rows forward since the reset."""
        return sum(cls.rows)


def linear() -> nn.Module:
    """logits = WEIGHTS · pixels + 0.5, (batch, CLASSES)."""
    head = nn.Linear(SIDE * SIDE, CLASSES)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(WEIGHTS))
        head.bias.fill_(0.5)
    return nn.Sequential(Watched(), nn.Flatten(), head)


class LinearProbability(nn.Module):
    """Two logits whose softmax at class 0 is exactly 0.3 + 0.4 · mean of the pixels: additive in what a mask shows."""

    def forward(self, pixels: Tensor) -> Tensor:
        """(batch, 1, H, W) → (batch, 2)."""
        likely = 0.3 + 0.4 * pixels.flatten(1).mean(1)
        return torch.stack([likely.log(), (1 - likely).log()], dim=1)
