"""Merges the activations of a batch into the index while the pass is under way, a group of layers at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backend.methods.neurons.index.bands import SETTLED, Bands
from backend.methods.neurons.index.distribution import Distribution, Scratch
from backend.methods.neurons.index.extremes import Extremes
from backend.methods.neurons.index.row import Row
from backend.methods.neurons.index.state import Group, State
from backend.store.index_file import SAMPLED


@dataclass(frozen=True)
class Batch:
    """Items of one pass.

    items: in the corpus. number: the first's in the plan's order. lengths: positions of each, the rest is padding;
        None where every item fills its row. skip: positions at the start that do not count.
    """

    items: Sequence[int]
    number: int
    lengths: Sequence[int] | None
    skip: int

    def part(self, where: slice) -> Batch:
        """Some of the items."""
        lengths = None if self.lengths is None else self.lengths[where]
        return Batch(self.items[where], self.number + where.indices(len(self.items))[0], lengths, self.skip)


@dataclass(frozen=True)
class Merging:
    """What takes the activations of a group of layers."""

    distribution: Distribution
    extremes: Extremes
    bands: Bands


class Collector:
    """Takes each layer's values of each batch once. Its memory does not grow."""

    def __init__(self, state: State, seed: int, device: torch.device) -> None:
        self.state = state
        self._merging: dict[Group, Merging] = {}
        self._group = {layer: group for group in state.groups for layer in group.layers}
        self._waiting: dict[str, Tensor] = {}  # layers of a group that is not whole yet
        scratch = Scratch(device)
        for group in state.groups:
            own = state.part(group)
            self._merging[group] = Merging(Distribution(own, scratch), Extremes(own), Bands(own, seed))

    def add(self, layer: str, values: Tensor, batch: Batch) -> None:
        """Merge a layer's values (rows, positions, units), of heads (rows, positions, heads, size), whose norm then counts.

        Layers of a group wait until it is whole. Raises ValueError where one is not finite.
        """
        activations = (torch.linalg.vector_norm(values, dim=-1) if values.dim() == 4 else values).float()
        group = self._group[layer]
        if len(group.layers) > 1:
            self._waiting[layer] = activations
            if not self._waiting.keys() >= set(group.layers):
                return
            activations = torch.cat([self._waiting.pop(name) for name in group.layers], dim=-1)
        self._merge(group, activations, batch)

    def forget_waiting(self) -> frozenset[str]:
        """Drop the layers that wait, since their batch comes anew in parts; returns their names."""
        names = frozenset(self._waiting)
        self._waiting.clear()
        return names

    def _merge(self, group: Group, activations: Tensor, batch: Batch) -> None:
        lengths = batch.lengths or [activations.shape[1]] * len(activations)
        rows = [row[batch.skip : length] for row, length in zip(activations, lengths, strict=True)]
        into = self._merging[group]
        # The limits are those before this batch, so that a build that was cut off goes on alike.
        limits = into.bands.limits() if SETTLED <= batch.number < SAMPLED else None
        if not self.state.positions[group.layers[0]]:
            into.distribution.begin(rows)
        found = into.distribution.add(rows)
        if not bool(found.ends.isfinite().all()):
            where = " or ".join(group.layers[:: max(1, len(group.layers) - 1)])
            raise ValueError(f"Layer {where}: some activations are not finite numbers, so the units cannot be indexed.")
        for at, row in enumerate(rows):
            seen = Row(row, batch.skip, found.ends[at], found.means[at], batch.number + at, batch.items[at])
            into.bands.add(seen, limits)
            into.extremes.add(seen)
        into.distribution.count(rows)
        for layer in group.layers:
            self.state.positions[layer] += sum(len(row) for row in rows)
