"""Alignments of one neuron's weights with all neurons and heads before and after it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from backend.methods.neurons.neuron_connections import Connection, NeuronConnections, NeuronConnectionsParams, Port
from backend.methods.neurons.weights.attention import attention_views
from backend.methods.neurons.weights.head_alignment import head_reads, head_writes
from backend.methods.neurons.weights.unembedding import neuron_layers, unit_rows
from backend.methods.neurons.weights.wiring import Wiring, wiring
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
    block, known = _block(model, params), wiring(model)
    own, gain = model.neurons[f"mlp.{block}"], known.gains[block].mlp if known.gains else 1.0
    order = torch.randperm(model.card.width, generator=torch.Generator().manual_seed(seed)).to(model.device)
    ports: dict[Port, Tensor] = {"input": _with_shuffled(known, own.reads[params.unit] * gain, order)}
    if own.gate is not None:
        ports["gate"] = _with_shuffled(known, own.gate[params.unit] * gain, order)
    written = _with_shuffled(known, own.writes[params.unit], order)
    before, after = _neurons_before(model, known, block, ports), _neurons_after(model, known, block, written)
    heads_before, heads_after = _heads(model, known, block, ports, written)
    return NeuronConnections(
        f"mlp.{block}", params.unit,
        _strongest(before, params.count), _strongest(after, params.count),
        _strongest(heads_before, params.count), _strongest(heads_after, params.count),
        (_chance(before), _chance(heads_before)), (_chance(after), _chance(heads_after)),
        NO_GAINS if known.gains is None else UNKNOWN_HEADS if known.heads is None else "",
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


def _with_shuffled(known: Wiring, vector: Tensor, order: Tensor) -> Tensor:
    """The vector at length 1 as norms see it, and its shuffled copy, (2, width)."""
    return unit_rows(known.seen(torch.stack([vector, vector[order]]).to(torch.float32)))


def _neurons_before(model: LanguageModel, known: Wiring, block: int, ports: dict[Port, Tensor]) -> list[_Alignments]:
    return [
        _Alignments(f"mlp.{number}", port, vectors @ _written(model, number).T / known.writes[number])
        for number in range(block)
        for port, vectors in ports.items()
    ]


def _written(model: LanguageModel, number: int) -> Tensor:
    return model.neurons[f"mlp.{number}"].writes.to(torch.float32)


def _neurons_after(model: LanguageModel, known: Wiring, block: int, written: Tensor) -> list[_Alignments]:
    found = []
    for number in range(block + 1, model.card.blocks):
        name, read = f"mlp.{number}", known.read_by_mlp(written, number)
        neurons, gates = model.neurons[name], known.gates[number]
        found.append(_Alignments(name, "input", read @ neurons.reads.T.to(torch.float32) / known.reads[number]))
        if neurons.gate is not None and gates is not None:
            found.append(_Alignments(name, "gate", read @ neurons.gate.T.to(torch.float32) / gates))
    return found


def _heads(
    model: LanguageModel, known: Wiring, block: int, ports: dict[Port, Tensor], written: Tensor
) -> tuple[list[_Alignments], list[_Alignments]]:
    """Heads of blocks up to the neuron's own, which attends first, and heads of later blocks; none where they are not known."""
    before: list[_Alignments] = []
    after: list[_Alignments] = []
    for number, grams in enumerate(known.heads or ()):
        heads, name = attention_views(model, number), f"attention.{number}"
        assert heads is not None
        assert known.gains is not None
        if number <= block:
            before += [_Alignments(name, port, head_writes(heads, grams, vectors)) for port, vectors in ports.items()]
        else:
            read = written * known.gains[number].attention
            after += [_Alignments(name, port, values) for port, values in head_reads(heads, grams, read).items()]
    return before, after


def _strongest(found: list[_Alignments], count: int) -> tuple[Connection, ...]:
    if not found:
        return ()
    values = torch.cat([part.values[0] for part in found])
    ends = list(accumulate(part.values.shape[1] for part in found))
    listed = []
    for place in values.abs().topk(min(count, len(values))).indices.tolist():
        at = bisect_right(ends, place)
        unit = place - (ends[at - 1] if at else 0)
        listed.append(Connection(found[at].layer, unit, found[at].port, float(values[place])))
    return tuple(listed)


def _chance(found: list[_Alignments]) -> float:
    return max((float(part.values[1].abs().max()) for part in found), default=0.0)
