"""Directions of the stream that turn a head's attention to the first token, where it rests."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from backend.engine.token_passes import TokenPasses
from backend.methods.neurons.weights.attention import attention_weights, key_projection, turned_key
from backend.methods.neurons.weights.block_norms import ReadingGains
from backend.models.hooks import UnitPoint
from backend.models.loaded import LanguageModel

POSITIONS = 128


@dataclass(frozen=True)
class RestDirections:
    """For each head, the direction whose writing raises its score for the first token.

    directions: (blocks, heads, width), scaled so that the product with a write is the change of the score before softmax,
    but for the norm's positive scale.
    """

    directions: Tensor

    def strongest(self, written: Tensor, block: int) -> tuple[Tensor, Tensor, Tensor]:
        """Of each write (neurons, width) of a block's MLP: the largest cosine by size with a later head, signed, its flat
        head number and its score, each (neurons,); zeros and −1 in the last block."""
        later = self.directions[block + 1 :].flatten(0, 1)  # (later heads, width)
        if not len(later):
            nothing = written.new_zeros(len(written))
            return nothing, torch.full_like(nothing, -1, dtype=torch.long), nothing
        lengths = written.norm(dim=1, keepdim=True) * later.norm(dim=1)
        scores = written @ later.T  # (neurons, later heads)
        cosines = scores / lengths.where(lengths > 0, torch.ones_like(lengths))
        head = cosines.abs().argmax(dim=1, keepdim=True)
        first = (block + 1) * self.directions.shape[1]
        return cosines.gather(1, head)[:, 0], head[:, 0] + first, scores.gather(1, head)[:, 0]


def rest_directions(asking: TokenPasses, gains: tuple[ReadingGains, ...] | None) -> RestDirections | None:
    """The directions of all heads, from one pass over one token; None where the heads' weights cannot be told.

    Gurnee et al. (2024) use the key of the beginning-of-sequence token, as here: the token the model's configuration names,
    else token 0, alone at position 0. Rotary embeddings are averaged over queries at positions 1 to POSITIONS.
    """
    model = asking.model
    paths = [key_projection(model, number) for number in range(model.card.blocks)]
    if gains is None or any(path is None for path in paths):
        return None
    keys, found = _first_keys(asking, [str(path) for path in paths]), []
    for number, key in enumerate(keys):
        weights = attention_weights(model, number, gains[number])
        if weights is None:
            return None
        met = turned_key(model, key, POSITIONS)[weights.group_of]  # (heads, size)
        found.append(torch.einsum("hsw,hs->hw", weights.queries, met) / math.sqrt(met.shape[-1]))
    return RestDirections(torch.stack(found))


def _first_keys(asking: TokenPasses, paths: list[str]) -> Iterator[Tensor]:
    """Each block's keys of the first token before any turning, (groups, size)."""
    model = asking.model
    size = model.units["attention.0"].size
    points = {path: UnitPoint(path, "output", -1, _outputs(model, path) // size, "head", size) for path in paths}
    passes = TokenPasses(replace(model, units=points), asking.chunks.speed, asking.chunks.meter)
    record = passes.forward(torch.tensor([[first_token(model)]]), logits="none", units=paths)
    return (record.units[path][0, 0].reshape(-1, size).to(torch.float32) for path in paths)


def first_token(model: LanguageModel) -> int:
    """The token that begins a text by the model's configuration, else token 0."""
    config: Any = model.module.config
    named = getattr(config, "bos_token_id", None)
    return named if isinstance(named, int) and 0 <= named < model.card.vocabulary else 0


def _outputs(model: LanguageModel, path: str) -> int:
    weight = model.module.get_submodule(path).weight
    assert isinstance(weight, Tensor)
    return weight.shape[0]
