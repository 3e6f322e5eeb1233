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
        with torch.inference_mode():
            for row in self.rows:
                self.body(row.tokens, row.keep, False)


class Ours:
    """The index's own way, from where `before`, batches that have passed already, has left it."""

    def __init__(
        self, asking: TokenAsking, texts: Texts, batches: Sequence[np.ndarray], before: Sequence[np.ndarray] = ()
    ) -> None:
        self.texts, self.batches = texts, batches
        self.units, self.device = asking.model.card.units, asking.model.device
        state = State(self.units, windowed=True, device=self.device)
        self._pass(Collector(state, self.units, 0, self.device), before, 0)
        self.passed = sum(len(batch) for batch in before)
        self.left = {name: tensor.clone() for name, tensor in state.tensors.items()}
        self.positions = dict(state.positions)

    def __call__(self) -> Timing:
        # Going back to where it was left is no part of collecting.
        state = State(self.units, windowed=True, device=self.device)
        for name, tensor in self.left.items():
            state.tensors[name].copy_(tensor)
        state.positions = dict(self.positions)
        collector = Collector(state, self.units, 0, self.device)
        return timed(lambda: self._pass(collector, self.batches, self.passed))

    def _pass(self, collector: Collector, batches: Sequence[np.ndarray], number: int) -> None:
        for batch in batches:
            self.texts.show(batch, number, collector)
            number += len(batch)


class Peers:
    """Activations of all layers kept, stacked and sorted by token, the LM head run: summary.py's and SAEDashboard's shape."""

    def __init__(self, asking: TokenAsking, texts: Texts, batches: Sequence[np.ndarray], top: int) -> None:
        self.asking, self.top = asking, top
        self.rows = rows(texts, batches)
        self.layers = [name for name in asking.model.units if name.startswith("mlp")]

    def __call__(self) -> None:
        values: Tensor | None = None
        places = torch.empty(0)
        with torch.inference_mode():
            for number, row in enumerate(self.rows):
                record = self.asking.forward(row.tokens, keep=row.keep, logits="all", units=self.layers)
                stacked = torch.stack([record.units[name] for name in self.layers])  # (layers, rows, positions, neurons)
                flat = stacked.flatten(1, 2).transpose(1, 2)  # (layers, neurons, tokens)
                own = torch.arange(flat.shape[-1]) + number * 100_000
                both = flat if values is None else torch.cat([values, flat], dim=-1)
                known = own.expand(flat.shape) if values is None else torch.cat([places, own.expand(flat.shape)], dim=-1)
                values, chosen = both.topk(self.top, dim=-1)
                places = known.gather(-1, chosen)
                self._moments(flat)

    def _moments(self, flat: Tensor) -> None:
        """Mean, deviation and firing rate of each neuron, as their summaries have them."""
        flat.mean(dim=-1)
        flat.std(dim=-1)
        (flat > 0).float().mean(dim=-1)
