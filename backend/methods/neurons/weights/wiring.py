"""What all neurons' connections need of a model, worked out once: lengths of its weight vectors and products of its heads."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from backend.methods.neurons.weights.attention import attention_views, attention_weights
from backend.methods.neurons.weights.block_norms import ReadingGains, reading_gains
from backend.methods.neurons.weights.head_alignment import HeadGrams
from backend.methods.neurons.weights.io_cosines import folded_reads
from backend.methods.neurons.weights.unembedding import has_layer_norm, neuron_layers, writes
from backend.models.loaded import LanguageModel

# Models do not change while they are loaded, and what is kept here goes with them; 13 MB for the default one.
_known: WeakKeyDictionary[nn.Module, Wiring] = WeakKeyDictionary()


@dataclass(frozen=True)
class Wiring:
    """By block: the gains before its halves, None where they cannot be told; lengths of its neurons' input weights (gain folded
    in), gates and writes, each (neurons,); and its heads' products, None where any block's heads cannot be told."""

    gains: tuple[ReadingGains, ...] | None
    reads: tuple[Tensor, ...]
    gates: tuple[Tensor | None, ...]
    writes: tuple[Tensor, ...]
    heads: tuple[HeadGrams, ...] | None
    centred: bool

    def seen(self, directions: Tensor) -> Tensor:
        """Directions (rows, width) as a norm sees them: LayerNorm takes their mean off."""
        return directions - directions.mean(dim=1, keepdim=True) if self.centred else directions

    def read_by_mlp(self, directions: Tensor, block: int) -> Tensor:
        """What has to be multiplied with bare input weights of a block's MLP, (rows, width)."""
        return self.seen(directions) * (self.gains[block].mlp if self.gains else 1.0)


def wiring(model: LanguageModel) -> Wiring:
    """The model's, from memory after the first time."""
    known = _known.get(model.module)
    if known is None:
        known = _known[model.module] = _worked_out(model)
    return known


def _worked_out(model: LanguageModel) -> Wiring:
    gains, layers = reading_gains(model), [layer.name for layer in neuron_layers(model)]
    both = [folded_reads(model, name, gains[number] if gains else None) for number, name in enumerate(layers)]
    return Wiring(
        gains,
        tuple(_lengths(read) for read, _ in both),
        tuple(None if gate is None else _lengths(gate) for _, gate in both),
        tuple(_lengths(writes(model, name).to(torch.float32)) for name in layers),
        _heads(model, gains),
        has_layer_norm(model),
    )


def _heads(model: LanguageModel, gains: tuple[ReadingGains, ...] | None) -> tuple[HeadGrams, ...] | None:
    if gains is None or any(attention_views(model, number) is None for number in range(model.card.blocks)):
        return None
    folded = (attention_weights(model, number, gains[number]) for number in range(model.card.blocks))
    return tuple(HeadGrams.of(heads) for heads in folded if heads is not None)


def _lengths(rows: Tensor) -> Tensor:
    lengths = rows.norm(dim=1)
    return lengths.where(lengths > 0, torch.ones_like(lengths))
