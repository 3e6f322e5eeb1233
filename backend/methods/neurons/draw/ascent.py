"""The ascent: Adam on a picture's parameters, through transformations, towards a unit's activation."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from backend.engine.passes import Climb, Passes
from backend.methods.neurons.draw.aim import Aim
from backend.methods.neurons.draw.parametrisations import PhasePicture, Picture
from backend.methods.neurons.draw.transforms import drawn, identity, transformed

RATE, PHASE_RATE = 0.05, 0.2  # of Adam; a phase must turn by a radian where a coefficient moves by a tenth


@dataclass
class Ascent:
    """One picture on its way up.

    curve: the objective of every step so far, mean over its copies.
    transparency: float32 (H, W), the summed size of the gradient at each pixel.
    """

    passes: Passes
    aim: Aim
    picture: Picture
    copies: int
    moving: bool
    generator: torch.Generator
    curve: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        rate = PHASE_RATE if isinstance(self.picture, PhasePicture) else RATE
        self._optimiser = torch.optim.Adam([self.picture.leaf], lr=rate)
        size = self.passes.model.card.preprocess
        self._size = (size.height, size.width)
        self._mean = self._colour(size.mean)
        self._deviation = self._colour(size.std)
        self.transparency = torch.zeros(self._size, device=self.passes.model.device)

    def step(self) -> float:
        """Go one step up; the objective before it, mean over the copies."""
        with torch.enable_grad():
            pixels = self.picture.pixels()
            seen = transformed((pixels - self._mean) / self._deviation, self._moves())
        found = self.climb(seen.detach())
        own, leaf = torch.autograd.grad(seen, [pixels, self.picture.leaf], found.gradient.to(seen.dtype) / len(seen))
        self.picture.leaf.grad = -leaf
        self._optimiser.step()
        self.picture.leaf.grad = None
        self.transparency += own[0].abs().sum(dim=0)
        self.curve.append(self.aim.sign * float(found.scores.mean()))
        return self.curve[-1]

    def trial(self, steps: int) -> float:
        """Go some steps up from a start; the score where they lead, uphill positive."""
        for _ in range(steps):
            self.step()
        self.curve.clear()
        self.transparency.zero_()
        return float(self.look().scores[0])

    def climb(self, rows: Tensor) -> Climb:
        """The aim's score of rows, uphill positive, with its gradient to them."""
        return self.passes.climb(rows, self.aim.layer, self.aim.uphill)

    def look(self) -> Climb:
        """The score of the picture as it is, with the gradient there."""
        with torch.no_grad():
            return self.climb((self.picture.pixels() - self._mean) / self._deviation)

    def frame(self) -> np.ndarray:
        """The picture as it is now, uint8 (H, W, C)."""
        with torch.no_grad():
            pixels = self.picture.pixels()[0].round().to(torch.uint8)  # (C, H, W)
        return np.ascontiguousarray(pixels.permute(1, 2, 0).cpu().numpy())

    def _moves(self) -> Tensor:
        return drawn(self.copies, *self._size, self.generator) if self.moving else identity(self.copies)

    def _colour(self, values: tuple[float, ...]) -> Tensor:
        return torch.tensor(values, device=self.passes.model.device).view(1, -1, 1, 1)
