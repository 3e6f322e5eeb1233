"""The units of an image model: channels of its spatial layers, or the MLP neurons of its blocks where those hold tokens."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from backend.models.card import LayerCard
from backend.models.hooks import UnitPoint
from backend.models.layers import TokenGrid
from backend.models.loaded import LayerPoint


def image_units(module: nn.Module, layers: Mapping[str, LayerPoint], cards: tuple[LayerCard, ...]) -> dict[str, UnitPoint]:
    """Where the units are, by name, in forward order.

    Of a layer that is an image, its channels. Of a model of tokens, the neurons of each MLP: the input of the linear map
    that leads back to the tokens' width.
    """
    counts = {card.name: card.channels for card in cards}
    channels = {
        name: UnitPoint(point.module, "output", 1, counts[name], "channel")
        for name, point in layers.items()
        if not isinstance(point.to_map, TokenGrid)
    }
    return channels or _neurons(module, max(counts.values(), default=0))


def _neurons(module: nn.Module, width: int) -> dict[str, UnitPoint]:
    paths = [
        (path, part)
        for path, part in module.named_modules()
        if isinstance(part, nn.Linear) and part.out_features == width and part.in_features > width
    ]
    return {
        f"mlp.{number}": UnitPoint(path, "input", -1, part.in_features, "neuron") for number, (path, part) in enumerate(paths)
    }
