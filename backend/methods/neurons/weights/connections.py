"""Alignments of one neuron's weights with all neurons and heads before and after it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.methods.neurons.neuron_connections import Connection, NeuronConnections, NeuronConnectionsParams, Port
from backend.methods.neurons.weights.attention import attention_weights
from backend.methods.neurons.weights.block_norms import ReadingGains, reading_gains
from backend.methods.neurons.weights.head_alignment import head_reads, head_writes
from backend.methods.neurons.weights.io_cosines import folded_reads
from backend.methods.neurons.weights.unembedding import neuron_layers, unit_rows, writes
from backend.methods.params import ParameterError
from backend.models.loaded import LanguageModel

UNKNOWN_HEADS = "The projections of this model's heads could not be told, so heads are left out."
NO_GAINS = "The norms before the halves of a block could not be told, so bare weights were compared and heads are left out."


@dataclass(frozen=True)
class _Alignments:
    """Alignments of one neuron, in rows, and of its shuffled copy, with all units of one layer by one port: (2, units)."""

    layer: str
    port: Port
    values: Tensor


def connections(model: LanguageModel, params: NeuronConnectionsParams, seed: int) -> NeuronConnections:
    """The connections of one neuron. Raises ParameterError for a neuron there is not."""
    block = _block(model, params)
    layer, gains = f"mlp.{block}", reading_gains(model)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(model.card.width, generator=generator).to(model.device)
    read, gate = folded_reads(model, layer, gains[block] if gains else None)
    ports: dict[Port, Tensor] = {"input": _with_shuffled(read[params.unit], order)}
    if gate is not None:
        ports["gate"] = _with_shuffled(gate[params.unit], order)
    written = _with_shuffled(writes(model, layer)[params.unit].float(), order)
    before, after = _neurons_before(model, block, ports), _neurons_after(model, block, written, gains)
    heads_before, heads_after, known = _heads(model, block, ports, written, gains)
    return NeuronConnections(
        layer, params.unit,
        _strongest(before, params.count), _strongest(after, params.count),
        _strongest(heads_before, params.count), _strongest(heads_after, params.count),
        (_chance(before), _chance(heads_before)), (_chance(after), _chance(heads_after)),
        NO_GAINS if gains is None else "" if known else UNKNOWN_HEADS,
    )  # fmt: skip


def _block(model: LanguageModel, params: NeuronConnectionsParams) -> int:
    layers = neuron_layers(model)
    named = {layer.name: number for number, layer in enumerate(layers)}
    name = params.layer or layers[len(layers) // 2].name
    if name not in named:
        raise ParameterError(f"Layer: there is no MLP {name[:40]!r} in {model.card.name}; there are {', '.join(named)[:200]}.")
    count = layers[named[name]].count
    if params.unit >= count:
        raise ParameterError(f"Unit: {params.unit} is outside 0 to {count - 1}, the neurons of {name}.")
    return named[name]


def _with_shuffled(vector: Tensor, order: Tensor) -> Tensor:
    """The vector at length 1 and its shuffled copy, (2, width)."""
    return unit_rows(torch.stack([vector, vector[order]]))


def _cosines(vectors: Tensor, weights: Tensor) -> Tensor:
    """Cosines of unit vectors (2, width) with weights (neurons, width) of any length: (2, neurons)."""
    lengths = weights.norm(dim=1)
    return vectors @ weights.T / lengths.where(lengths > 0, torch.ones_like(lengths))


def _neurons_before(model: LanguageModel, block: int, ports: dict[Port, Tensor]) -> list[_Alignments]:
    found = []
    for number in range(block):
        written = writes(model, f"mlp.{number}").float()
        found += [_Alignments(f"mlp.{number}", port, _cosines(vectors, written)) for port, vectors in ports.items()]
    return found


def _neurons_after(
    model: LanguageModel, block: int, written: Tensor, gains: tuple[ReadingGains, ...] | None
) -> list[_Alignments]:
    found = []
    for number in range(block + 1, model.card.blocks):
        read, gate = folded_reads(model, f"mlp.{number}", gains[number] if gains else None)
        found.append(_Alignments(f"mlp.{number}", "input", _cosines(written, read)))
        if gate is not None:
            found.append(_Alignments(f"mlp.{number}", "gate", _cosines(written, gate)))
    return found


def _heads(
    model: LanguageModel, block: int, ports: dict[Port, Tensor], written: Tensor, gains: tuple[ReadingGains, ...] | None
) -> tuple[list[_Alignments], list[_Alignments], bool]:
    """Heads of blocks up to the neuron's own, which attends first, and heads of later blocks; whether heads are known."""
    before: list[_Alignments] = []
    after: list[_Alignments] = []
    for number in range(model.card.blocks):
        heads = attention_weights(model, number, gains[number]) if gains else None
        if heads is None:
            return [], [], False
        name = f"attention.{number}"
        if number <= block:
            before += [_Alignments(name, port, head_writes(heads, vectors)) for port, vectors in ports.items()]
        else:
            after += [_Alignments(name, port, values) for port, values in head_reads(heads, written).items()]
    return before, after, True


def _strongest(found: list[_Alignments], count: int) -> tuple[Connection, ...]:
    if not found:
        return ()
    values = torch.cat([part.values[0] for part in found])
    chosen = values.abs().topk(min(count, len(values))).indices.tolist()
    places = [(part, unit) for part in found for unit in range(part.values.shape[1])]
    return tuple(Connection(places[i][0].layer, places[i][1], places[i][0].port, float(values[i])) for i in chosen)


def _chance(found: list[_Alignments]) -> float:
    return max((float(part.values[1].abs().max()) for part in found), default=0.0)
