"""A model that looks at one region only, the photo it was made for, and maps of it that are right, wrong and blind."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import torch
from PIL import Image as Picture
from torch import Tensor, nn

from backend.data.frames import Preprocess
from backend.evidence.orders import edge_strength
from backend.methods.saliency.result import Saliency
from backend.methods.steps import PassCount, Result, Step

SIDE = 56
FRAME = Preprocess(SIDE, SIDE, SIDE, mean=(127.0,), std=(127.0,))
REGION = np.zeros((SIDE, SIDE), dtype=bool)
REGION[8:32, 20:48] = True
CHECKER = np.where(np.indices((SIDE, SIDE)).sum(axis=0) % 2, 1.0, -1.0)


def photo() -> bytes:
    """Noise, with a checkerboard in the region, as PNG: a blur and a grey fill both wipe it out."""
    noise = np.random.default_rng(3).integers(90, 165, (SIDE, SIDE))
    pixels = np.where(REGION, 127 + 127 * CHECKER, noise).astype(np.uint8)
    file = BytesIO()
    Picture.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


class RegionModel(nn.Module):
    """logit 0 = 12 · (share of the region's checkerboard that is there) − 6, logit 1 = 0."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("template", torch.from_numpy(REGION * CHECKER / REGION.sum()).float())

    def forward(self, pixels: Tensor) -> Tensor:
        """(batch, 1, SIDE, SIDE) → (batch, 2)."""
        seen = (pixels[:, 0] * self.template).sum(dim=(1, 2))
        return torch.stack([12 * seen - 6, torch.zeros_like(seen)], dim=1)


def saliency(cells: np.ndarray, target: Any, **facts: float) -> Saliency:
    """A map without a model behind it."""
    attribution = cells.astype(np.float32)[None]
    return Saliency(attribution, attribution[0], target, 6.0, "logit", PassCount(), 0.0, facts=facts)


def right(question: Any, asking: Any) -> Iterator[Step]:
    """The region the model looks at."""
    yield Result(saliency(REGION * 1.0, question.target))


def wrong(question: Any, asking: Any) -> Iterator[Step]:
    """Everything but that region."""
    yield Result(saliency(1.0 - REGION, question.target))


def blank(question: Any, asking: Any) -> Iterator[Step]:
    """Nothing."""
    yield Result(saliency(np.zeros((SIDE, SIDE)), question.target))


def blind(question: Any, asking: Any) -> Iterator[Step]:
    """Edges of the photo, whatever the model."""
    yield Result(saliency(edge_strength(asking.frame), question.target))


def tampered(question: Any, asking: Any) -> Iterator[Step]:
    """Integrated Gradients' promise, with a tenth of the map gone."""
    yield Result(saliency(np.full((SIDE, SIDE), 0.9 * 5.0 / SIDE**2), question.target, baseline_logit=1.0))
