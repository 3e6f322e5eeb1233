"""The model card: what pages and methods need to know of a loaded model, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backend.data.frames import Preprocess

Capability = Literal["forward", "gradients", "spatial layers", "units", "gated neurons", "a vocabulary"]
FORWARD: Capability = "forward"
GRADIENTS: Capability = "gradients"
SPATIAL_LAYERS: Capability = "spatial layers"
UNITS: Capability = "units"
GATED_NEURONS: Capability = "gated neurons"
VOCABULARY: Capability = "a vocabulary"

UnitKind = Literal["channel", "neuron", "head"]


@dataclass(frozen=True)
class LayerCard:
    """A layer with a spatial map: its name, channels, height and width."""

    name: str
    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class UnitLayer:
    """A layer whose units can be read and changed: its name, how many there are, and of which kind."""

    name: str
    count: int
    kind: UnitKind


@dataclass(frozen=True)
class ModelCard:
    """A loaded image classifier in words and numbers."""

    name: str
    revision: str
    parameters: int
    preprocess: Preprocess
    labels: tuple[str, ...]
    layers: tuple[LayerCard, ...]
    capabilities: frozenset[Capability]
    device: str
    units: tuple[UnitLayer, ...] = ()

    @property
    def outputs(self) -> int:
        """How many logits the model gives: one a class."""
        return len(self.labels)


@dataclass(frozen=True)
class LanguageCard:
    """A loaded language model in words and numbers.

    blocks, width: its depth and the size of its residual stream. context: the most tokens it was made for.
    """

    name: str
    revision: str
    parameters: int
    vocabulary: int
    blocks: int
    width: int
    context: int
    capabilities: frozenset[Capability]
    device: str
    units: tuple[UnitLayer, ...] = ()

    @property
    def outputs(self) -> int:
        """How many logits the model gives: one a token of its vocabulary."""
        return self.vocabulary


Card = ModelCard | LanguageCard


def unit_layer(card: Card, name: str) -> UnitLayer | None:
    """The layer of that name; None where the model has none."""
    return next((layer for layer in card.units if layer.name == name), None)
