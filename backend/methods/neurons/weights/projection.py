"""Every neuron's write projected to the vocabulary."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from backend.methods.neurons.token_projection import TokenProjection
from backend.methods.neurons.token_writers import TokenWriters
from backend.methods.neurons.weights.extremes import extremes
from backend.methods.neurons.weights.products import blocks
from backend.methods.neurons.weights.unembedding import neuron_layers, readout, writes
from backend.methods.params import ParameterError
from backend.methods.steps import Partial, Progress, Result, Step
from backend.models.loaded import LanguageModel


def projected(model: LanguageModel, count: int) -> Iterator[Step]:
    """The projection as it grows layer by layer; a step is one block of neurons."""
    layers, folded = neuron_layers(model), readout(model)
    count = min(count, len(folded))
    total, found = sum(layer.count for layer in layers), _Rows(count)
    yield Progress(0, total)
    for number, layer in enumerate(layers):
        for _, logits in blocks(writes(model, layer.name), folded):
            found.add(*(part.cpu().numpy() for part in extremes(logits, count)))
            if found.done < total:
                yield Progress(found.done, total)
        if number + 1 < len(layers):
            yield Partial(found.result(layers[: number + 1]), found.done, total)
    yield Result(found.result(layers))


class _Rows:
    """Top and bottom tokens of the neurons seen so far."""

    def __init__(self, count: int) -> None:
        self.done = 0
        self._count = count
        self._parts: list[tuple[np.ndarray, ...]] = []

    def add(self, *parts: np.ndarray) -> None:
        """Top logits and tokens, bottom logits and tokens of the next neurons, each (neurons, count)."""
        self._parts.append(parts)
        self.done += len(parts[0])

    def result(self, layers: tuple) -> TokenProjection:
        """The snapshot, of whole layers only."""
        columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        top_logits, top_tokens, bottom_logits, bottom_tokens = columns
        return TokenProjection(
            layers,
            top_tokens.astype(np.int32), top_logits.astype(np.float32),
            bottom_tokens.astype(np.int32), bottom_logits.astype(np.float32),
        )  # fmt: skip


def writers(model: LanguageModel, token: int, count: int) -> TokenWriters:
    """The neurons that raise and lower one token's centred logit most. Raises ParameterError beyond the vocabulary."""
    folded = readout(model)
    if token >= len(folded):
        raise ParameterError(f"Token: {token} is outside 0 to {len(folded) - 1}, the vocabulary of {model.card.name}.")
    layers = neuron_layers(model)
    effects = torch.cat([writes(model, layer.name) @ folded[token] for layer in layers])  # (all neurons,)
    top_logits, top, bottom_logits, bottom = (part[0].cpu().numpy() for part in extremes(effects[None], min(count, len(effects))))
    return TokenWriters(
        layers, token, top.astype(np.int32), top_logits.astype(np.float32), bottom.astype(np.int32),
        bottom_logits.astype(np.float32), float(effects.std()),
    )  # fmt: skip
