"""The model card: what pages and methods need to know of a model, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backend.data.frames import Preprocess

Capability = Literal["forward", "gradients", "spatial layers"]
FORWARD: Capability = "forward"
GRADIENTS: Capability = "gradients"
SPATIAL_LAYERS: Capability = "spatial layers"


@dataclass(frozen=True)
class LayerCard:
    """A layer with a spatial map: its name, channels, height and width."""

    name: str
    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class ModelCard:
    """A loaded model in words and numbers."""

    name: str
    revision: str
    parameters: int
    preprocess: Preprocess
    labels: tuple[str, ...]
    layers: tuple[LayerCard, ...]
    capabilities: frozenset[Capability]
    device: str
