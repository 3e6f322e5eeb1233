"""Who is timed collecting activations: the bare body pass, this project's collector, and a replica of the peers' way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from backend.engine.asking import TokenAsking
from backend.methods.neurons.index.collector import Collector
from backend.methods.neurons.index.passing import Texts
from backend.methods.neurons.index.state import State
from tests.benchmarks.timing import Timing, timed


@dataclass(frozen=True)
class Rows:
    """A batch made beforehand: tokens int64 (rows, positions), keep bool of the same shape or None."""

    tokens: Tensor
    keep: Tensor | None


def rows(texts: Texts, batches: Sequence[np.ndarray]) -> list[Rows]:
    """The batches' tokens, padded to the right."""
    made = []
    for batch in batches:
        lengths = torch.from_numpy(texts.lengths[batch])
        tokens = torch.zeros(len(batch), int(lengths.max()), dtype=torch.int64)
        for row, item in enumerate(batch):
            tokens[row, : lengths[row]] = torch.from_numpy(texts.corpus.item(int(item)).astype(np.int64))
        keep = torch.arange(tokens.shape[1]) < lengths[:, None]
        made.append(Rows(tokens, None if bool(keep.all()) else keep))
    return made


class Bare:
    """The module's own body on the same rows, without a hook."""

    def __init__(self, asking: TokenAsking, texts: Texts, batches: Sequence[np.ndarray]) -> None:
        self.body, self.rows = asking.model.body, rows(texts, batches)

    def __call__(self) -> None:
        for row in self.rows:
            self.one(row)

    def one(self, row: Rows) -> None:
        """Pass one batch."""
        with torch.inference_mode():
            self.body(row.tokens, row.keep, False)


@dataclass(frozen=True)
class Stop:
    """A batch of a build, and what the build had collected when it came to it."""

    batch: np.ndarray
    passed: int
    tensors: dict[str, Tensor]
    positions: dict[str, int]


class Ours:
    """The index's own way at some batches of a build, each from where the build before it had come.

    The build is made once, beforehand. `shares` holds, of each round, the CPU seconds of every stop.
    """

    def __init__(self, asking: TokenAsking, texts: Texts, batches: Sequence[np.ndarray], stops: Sequence[int]) -> None:
        self.texts, self.units, self.device = texts, asking.model.card.units, asking.model.device
        self.neurons = sum(layer.count for layer in self.units if layer.kind == "neuron")
        self.shares: list[list[float]] = []
        self.stops: list[Stop] = []
        state, passed = self._empty(), 0
        collector = Collector(state, 0, self.device)
        for number, batch in enumerate(batches[: max(stops) + 1]):
            if number in stops:
                copies = {name: tensor.clone() for name, tensor in state.tensors.items()}
                self.stops.append(Stop(batch, passed, copies, dict(state.positions)))
            texts.show(batch, passed, collector)
            passed += len(batch)

    def __call__(self) -> Timing:
        timings = [self._one(stop) for stop in self.stops]
        self.shares.append([timing.cpu for timing in timings])
        return Timing(sum(timing.cpu for timing in timings), sum(timing.wall for timing in timings))

    def _one(self, stop: Stop) -> Timing:
        # Going back to where the build was is no part of collecting.
        state = self._empty()
        for name, tensor in stop.tensors.items():
            state.tensors[name].copy_(tensor)
        state.positions = dict(stop.positions)
        collector = Collector(state, 0, self.device)
        return timed(lambda: self.texts.show(stop.batch, stop.passed, collector))

    def _empty(self) -> State:
        return State(self.units, windowed=True, device=self.device)


class Peers:
    """The shape of Gurnee et al.'s summary.py: activations of all layers kept as float16 and stacked, each searched for its
    bin and scattered into a histogram, a top-k over tokens merged with what stands, indices of 64 bits repeated for every neuron.

    The LM head runs, as it does there. Left out is what they also do: tables by vocabulary, which would take 14 GB here, and a
    second stack of activations before the non-linearity.
    """

    def __init__(self, asking: TokenAsking, texts: Texts, batches: Sequence[np.ndarray], top: int, bins: int) -> None:
        self.asking = asking
        self.rows = rows(texts, batches)
        self.layers = [name for name in asking.model.units if name.startswith("mlp")]
        neurons = asking.model.units[self.layers[0]].count
        self.edges = torch.linspace(-10, 15, bins)
        self.counts = torch.zeros(len(self.layers), neurons, bins + 1, dtype=torch.int32)
        self.values = torch.zeros(len(self.layers), neurons, top)
        self.indices = torch.zeros(len(self.layers), neurons, top, dtype=torch.int64)

    def __call__(self) -> None:
        with torch.inference_mode():
            for number, row in enumerate(self.rows):
                record = self.asking.forward(row.tokens, keep=row.keep, logits="all", units=self.layers)
                kept = [record.units[name].half() for name in self.layers]
                flat = torch.stack(kept, dim=2).permute(2, 3, 0, 1).flatten(2)  # (layers, neurons, tokens)
                self._bin(flat)
                self._merge(flat, number * flat.shape[-1])

    def _bin(self, flat: Tensor) -> None:
        places = torch.searchsorted(self.edges, flat)
        self.counts[:] = self.counts.scatter_add(2, places, torch.ones_like(places, dtype=torch.int32))

    def _merge(self, flat: Tensor, first: int) -> None:
        own = (torch.arange(flat.shape[-1]) + first).expand(flat.shape)
        values, indices = torch.cat([self.values, flat], dim=2), torch.cat([self.indices, own], dim=2)
        self.values[:], chosen = values.topk(self.values.shape[-1], dim=2)
        self.indices[:] = indices.gather(2, chosen)
