"""Merges the activations of a batch into the index while the pass is under way, a layer at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backend.methods.neurons.index.bands import SETTLED, Bands
from backend.methods.neurons.index.distribution import Distribution, Scratch
from backend.methods.neurons.index.extremes import Extremes
from backend.methods.neurons.index.row import Row
from backend.methods.neurons.index.state import State
from backend.models.card import UnitLayer
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


class Collector:
    """Takes each layer's values of each batch once. Its memory does not grow."""

    def __init__(self, state: State, layers: Sequence[UnitLayer], seed: int, device: torch.device) -> None:
        self.state = state
        scratch = Scratch(device)
        arrays = {layer.name: state.layer(layer.name) for layer in layers}
        self.distributions = {name: Distribution(own, scratch) for name, own in arrays.items()}
        self.extremes = {name: Extremes(own) for name, own in arrays.items()}
        self.bands = {name: Bands(own, seed) for name, own in arrays.items()}

    def add(self, layer: str, values: Tensor, batch: Batch) -> None:
        """Merge a layer's values (rows, positions, units), of heads (rows, positions, heads, size), whose norm then counts.

        Raises ValueError where one is not finite.
        """
        activations = (torch.linalg.vector_norm(values, dim=-1) if values.dim() == 4 else values).float()
        lengths = batch.lengths or [activations.shape[1]] * len(activations)
        rows = [row[batch.skip : length] for row, length in zip(activations, lengths, strict=True)]
        distribution, bands = self.distributions[layer], self.bands[layer]
        # The limits are those before this batch, so that a build that was cut off goes on alike.
        limits = bands.limits() if SETTLED <= batch.number < SAMPLED else None
        if not self.state.positions[layer]:
            distribution.begin(rows)
        found = distribution.add(rows)
        if not bool(found.ends.isfinite().all()):
            raise ValueError(f"Layer {layer}: some activations are not finite numbers, so the units cannot be indexed.")
        for at, row in enumerate(rows):
            seen = Row(row, batch.skip, found.ends[at], found.means[at], batch.number + at, batch.items[at])
            bands.add(seen, limits)
            self.extremes[layer].add(seen)
        distribution.count(rows)
        self.state.positions[layer] += sum(len(row) for row in rows)
