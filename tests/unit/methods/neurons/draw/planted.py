"""A convolution whose channels are known: a cross, a dead one, and a noise filter."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from backend.data.frames import Preprocess

SIDE, REACH = 16, 5
FRAME = Preprocess(SIDE, SIDE, SIDE, mean=(127.5,), std=(127.5,))
LABELS = ("cross", "dead", "noise")
CROSS, DEAD, NOISE = range(3)
_middle = np.arange(REACH) == REACH // 2
FILTER = np.where(_middle[:, None] | _middle[None], 1.0, -1.0).astype(np.float32)  # a bright cross on a dark ground
BOUND = float(np.abs(FILTER).sum())  # the most a picture from black (−1) to white (1) can give


def filters() -> Tensor:
    """The weights, float32 (3, 1, REACH, REACH)."""
    drawn = torch.randn(REACH, REACH, generator=torch.Generator().manual_seed(3))
    return torch.stack([torch.from_numpy(FILTER), torch.zeros(REACH, REACH), drawn])[:, None]


class Planted(nn.Module):
    """The convolution, then its channels' means as logits; the layer of units is called `seen`."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Conv2d(1, len(LABELS), REACH, padding=REACH // 2, bias=False)
        with torch.no_grad():
            self.seen.weight.copy_(filters())

    def forward(self, pixels: Tensor) -> Tensor:
        """(batch, 1, SIDE, SIDE) → (batch, 3)."""
        return self.seen(pixels).mean(dim=(2, 3))


class Dark(nn.Module):
    """A rectified channel that no picture can wake: its bias lies below what its weights can give."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Sequential(nn.Conv2d(1, 2, REACH, padding=REACH // 2), nn.ReLU())
        with torch.no_grad():
            self.seen[0].weight.copy_(filters()[[CROSS, CROSS]])
            self.seen[0].bias.copy_(torch.tensor([0.0, -2 * BOUND]))

    def forward(self, pixels: Tensor) -> Tensor:
        """(batch, 1, SIDE, SIDE) → (batch, 2)."""
        return self.seen(pixels).mean(dim=(2, 3))


class Asleep(nn.Module):
    """A rectified unit that a picture wakes only by being as dark as the digits on their black ground."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Sequential(nn.AvgPool2d(4), nn.Conv2d(1, 2, 4), nn.ReLU(), nn.Upsample(scale_factor=2))
        with torch.no_grad():
            self.seen[1].weight.fill_(-1 / 16)
            self.seen[1].bias.fill_(-0.3)

    def forward(self, pixels: Tensor) -> Tensor:
        """(batch, 1, SIDE, SIDE) → (batch, 2)."""
        return self.seen(pixels).mean(dim=(2, 3))
