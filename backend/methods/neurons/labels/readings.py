"""A unit's activations on whole texts of a corpus, read a few texts a step and remembered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from backend.methods.neurons.labels.text_places import READ, TextPlaces
from backend.methods.neurons.unit import Unit
from backend.methods.steps import Progress

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

TOKENS = 256  # a step, so that a click elsewhere waits half a second at most


class Readings:
    """values: by item, float32 (units, tokens), activations on its first `READ` tokens; of heads the length of their output."""

    def __init__(self, asking: TokenAsking, units: Sequence[Unit], places: TextPlaces) -> None:
        self.asking = asking
        self.units = tuple(units)
        self.places = places
        self.values: dict[int, np.ndarray] = {}

    def of(self, unit: int) -> dict[int, np.ndarray]:
        """The activations of one of the units, by its number among them: by item, float32 (tokens,)."""
        return {item: rows[unit] for item, rows in self.values.items()}

    def read(self, items: Iterable[int]) -> Iterator[Progress]:
        """Read those items that are not known yet."""
        wanted = [item for item in dict.fromkeys(map(int, items)) if item not in self.values]
        done = 0
        for batch in batches({item: self._length(item) for item in wanted}):
            self._pass(batch)
            done += len(batch)
            yield Progress(done, len(wanted))

    def _pass(self, items: Sequence[int]) -> None:
        rows = [self.places.tokens[self.places.starts[item] :][: self._length(item)] for item in items]
        tokens, keep = padded(rows)
        layers = list(dict.fromkeys(unit.layer for unit in self.units))
        found = self.asking.forward(tokens, keep=keep, logits="none", units=layers).units
        values = torch.stack([self._column(found[unit.layer], unit) for unit in self.units], dim=1)  # (rows, units, tokens)
        for row, item in enumerate(items):
            self.values[item] = values[row, :, : len(rows[row])].float().cpu().numpy()

    @staticmethod
    def _column(layer: Tensor, unit: Unit) -> Tensor:
        """One unit's values (rows, tokens), of a head the length of its output, as the index reads it."""
        column = layer[:, :, unit.index]
        return column.norm(dim=-1) if column.dim() == 3 else column

    def _length(self, item: int) -> int:
        return min(READ, int(self.places.starts[item + 1] - self.places.starts[item]))


def batches(lengths: dict[int, int], tokens: int = TOKENS) -> Iterator[list[int]]:
    """The keys in batches of like length, at most `tokens` a batch with its padding, at least one key."""
    batch: list[int] = []
    for key in sorted(lengths, key=lambda key: lengths[key]):
        if batch and (len(batch) + 1) * lengths[key] > tokens:
            yield batch
            batch = []
        batch.append(key)
    if batch:
        yield batch


def padded(rows: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Rows of token ids beside each other, int64 (rows, tokens), and which are no padding, bool (rows, tokens)."""
    length = max(map(len, rows))
    tokens = torch.zeros(len(rows), length, dtype=torch.long)
    keep = torch.zeros(len(rows), length, dtype=torch.bool)
    for row, own in enumerate(rows):
        tokens[row, : len(own)] = torch.from_numpy(np.asarray(own, dtype=np.int64))
        keep[row, : len(own)] = True
    return tokens, keep
