"""Cosines between the input, the gate and the output of every neuron."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from backend.methods.neurons.io_functionality import IO_CLASSES, IoFunctionality, io_classes
from backend.methods.neurons.weights.block_norms import ReadingGains, reading_gains
from backend.methods.neurons.weights.unembedding import has_layer_norm, neuron_layers, unit_rows, writes
from backend.methods.steps import Partial, Progress, Result, Step
from backend.models.card import UnitLayer
from backend.models.loaded import LanguageModel

CHANCE = (0.025, 0.975)


def io_cosines(model: LanguageModel, threshold: float, seed: int) -> Iterator[Step]:
    """Layer by layer; the control gives every neuron the write of another one of its layer, by one turn drawn from `seed`."""
    layers, gains = neuron_layers(model), reading_gains(model)
    generator = np.random.default_rng(seed)
    own: list[_Cosines] = []
    other: list[_Cosines] = []
    yield Progress(0, len(layers))
    for number, layer in enumerate(layers):
        turn = int(generator.integers(1, layer.count)) if layer.count > 1 else 0
        vectors = _directions(model, layer.name, gains[number] if gains else None)
        own.append(_cosines(*vectors))
        other.append(_cosines(vectors[0], vectors[1], vectors[2].roll(turn, dims=0)))
        found = _result(layers[: number + 1], own, other, threshold, gains is not None)
        done = number + 1
        yield Result(found) if done == len(layers) else Partial(found, done, len(layers))


@dataclass(frozen=True)
class _Cosines:
    """Three cosines of each neuron of a layer, float32 (neurons,)."""

    read_write: np.ndarray
    gate_write: np.ndarray
    gate_read: np.ndarray


def folded_reads(model: LanguageModel, layer: str, gains: ReadingGains | None) -> tuple[Tensor, Tensor | None]:
    """Input and gate weights of a layer as directions of the stream, gains folded in, (neurons, width); no gate: None."""
    neurons = model.neurons[layer]
    return _folded(model, neurons.reads, gains), None if neurons.gate is None else _folded(model, neurons.gate, gains)


def _folded(model: LanguageModel, weights: Tensor, gains: ReadingGains | None) -> Tensor:
    folded = weights.to(torch.float32) * (gains.mlp if gains else 1.0)
    return folded - folded.mean(dim=1, keepdim=True) if has_layer_norm(model) else folded


def _directions(model: LanguageModel, layer: str, gains: ReadingGains | None) -> tuple[Tensor, Tensor | None, Tensor]:
    read, gate = folded_reads(model, layer, gains)
    return unit_rows(read), None if gate is None else unit_rows(gate), unit_rows(writes(model, layer).to(torch.float32))


def _cosines(read: Tensor, gate: Tensor | None, write: Tensor) -> _Cosines:
    if gate is None:
        nothing = np.full(len(read), np.nan, dtype=np.float32)
        return _Cosines(_array((read * write).sum(dim=1)), nothing, nothing)
    return _Cosines(
        _array((read * write).sum(dim=1)), _array((gate * write).sum(dim=1)), _array((gate * read).sum(dim=1))
    )  # fmt: skip


def _array(values: Tensor) -> np.ndarray:
    return values.cpu().numpy().astype(np.float32)


def _result(
    layers: tuple[UnitLayer, ...], own: list[_Cosines], other: list[_Cosines], threshold: float, folded: bool
) -> IoFunctionality:
    whole, mismatched = _joined(own), _joined(other)
    classes, typical = io_classes(whole.read_write, whole.gate_write, whole.gate_read, threshold)
    drawn, _ = io_classes(mismatched.read_write, mismatched.gate_write, mismatched.gate_read, threshold)
    return IoFunctionality(
        layers=layers,
        read_write=whole.read_write,
        gate_write=whole.gate_write,
        gate_read=whole.gate_read,
        classes=classes,
        typical=typical,
        chance=np.array([np.quantile(part.read_write, CHANCE) for part in other], dtype=np.float32),
        control=np.bincount(drawn, minlength=len(IO_CLASSES)) / len(drawn),
        gated=not bool(np.isnan(whole.gate_write).all()),
        folded=folded,
    )


def _joined(parts: list[_Cosines]) -> _Cosines:
    names = ("read_write", "gate_write", "gate_read")
    return _Cosines(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
