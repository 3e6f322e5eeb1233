"""Finds the layers of a module that have a spatial map: images of channels, or tokens laid out on their grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from backend.models.card import LayerCard
from backend.models.catalog import ModelError
from backend.models.loaded import LayerPoint

MOST = 24


@dataclass(frozen=True)
class TokenGrid:
    """Turns (batch, tokens, channels) into (batch, channels, height, width), without the `extra` leading tokens."""

    extra: int
    height: int
    width: int

    def __call__(self, tokens: Tensor) -> Tensor:
        grid = tokens[:, self.extra :].transpose(1, 2)  # (batch, channels, height · width)
        return grid.reshape(tokens.shape[0], tokens.shape[2], self.height, self.width)


def as_is(image: Tensor) -> Tensor:
    """The output of a convolution is a map already, (batch, channels, h, w)."""
    return image


def discover(
    module: nn.Module, example: Tensor, named: Mapping[str, str] | None = None
) -> tuple[Mapping[str, LayerPoint], tuple[LayerCard, ...]]:
    """The layers by name in forward order, and their sizes, from one forward pass of `example` (1, C, H, W).

    With `named` (layer name → module path) exactly these; else every module that runs once and gives a map larger
    than one cell, thinned evenly to MOST with the last kept. Raises ModelError for a named layer that has no map.
    """
    outputs = _recorded(module, example)
    chosen = named or {path: path for path in _thinned(_images(outputs))}
    points, cards = {}, []
    for name, path in chosen.items():
        to_map = _map_of(outputs[path], example) if path in outputs else None
        if to_map is None:
            raise ModelError(f"layer {name}: the module {path} does not run just once with a spatial map as its output")
        points[name] = LayerPoint(path, to_map)
        _, channels, height, width = to_map(outputs[path]).shape
        cards.append(LayerCard(name, channels, height, width))
    return points, tuple(cards)


@dataclass
class _Run:
    outputs: dict[str, Tensor] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)


def _recorded(module: nn.Module, example: Tensor) -> dict[str, Tensor]:
    """Outputs of the modules that run once, in forward order."""
    run = _Run()

    def keep(path: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            run.calls[path] += 1
            passed_through = any(output is item for item in inputs)
            if isinstance(output, Tensor) and not passed_through:
                run.outputs[path] = output

        return hook

    handles = [part.register_forward_hook(keep(path)) for path, part in module.named_modules() if path]
    try:
        with torch.no_grad():
            module(example)
    finally:
        for handle in handles:
            handle.remove()
    return {path: output for path, output in run.outputs.items() if run.calls[path] == 1}


def _images(outputs: Mapping[str, Tensor]) -> list[str]:
    """Paths of the outputs that are images of channels, one for each tensor: the outermost module that gives it."""
    outermost = {id(output): path for path, output in outputs.items() if output.dim() == 4 and min(output.shape[2:]) > 1}
    return list(outermost.values())


def _map_of(output: Tensor, example: Tensor) -> Any:
    """How this output becomes a map, or None where it has no cells to tell apart."""
    if output.dim() == 4 and min(output.shape[2:]) > 1:
        return as_is
    if output.dim() != 3:
        return None
    aspect = example.shape[2] / example.shape[3]
    for extra in (0, 1):
        height = round(((output.shape[1] - extra) * aspect) ** 0.5)
        width = round(height / aspect) if height > 1 else 0
        if width > 1 and height * width == output.shape[1] - extra:
            return TokenGrid(extra, height, width)
    return None


def _thinned(paths: list[str]) -> list[str]:
    if len(paths) <= MOST:
        return paths
    last = len(paths) - 1
    return [paths[round(i * last / (MOST - 1))] for i in range(MOST)]
