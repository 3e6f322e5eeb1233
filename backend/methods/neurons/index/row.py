"""One item's activations in one layer, and where and beside what a unit's value stands in it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.store.index_file import AFTER, BEFORE, OUTSIDE

HALF_LARGEST = 65504.0


@dataclass(frozen=True)
class Row:
    """An item as a layer sees it.

    values: float32 (positions, units), the positions that count. first: the place in the item of the first of them.
    ends, means: (2 · units,), the largest value and the mean of each unit, then of each unit with its sign turned.
    number: in the plan's order. item: in the corpus.
    """

    values: Tensor
    first: int
    ends: Tensor
    means: Tensor
    number: int
    item: int

    @property
    def units(self) -> int:
        """How many units the layer has."""
        return self.values.shape[1]

    @property
    def largest(self) -> Tensor:
        """Each unit's largest value, (units,)."""
        return self.ends[: self.units]

    def peaks(self) -> Tensor:
        """The first place in the item where each unit has its largest value, int64 (units,)."""
        return self._places(self.values, self.largest)

    def places(self, ends: Tensor) -> Tensor:
        """The first place of each of some ends, by their numbers int64 (chosen,): int64 (chosen,)."""
        units, turned = ends % self.units, ends >= self.units
        values = self.ends.index_select(0, ends)
        # Seven times as fast as indexing with a tensor.
        return self._places(self.values.index_select(1, units), torch.where(turned, -values, values))

    def _places(self, chosen: Tensor, values: Tensor) -> Tensor:
        count = len(chosen)
        # The first of equals has the largest weight: three streaming passes, a third of an argmax along rows.
        weights = torch.arange(count, 0, -1, device=chosen.device, dtype=torch.float32)[:, None]  # (positions, 1)
        found = torch.eq(chosen, values, out=torch.empty_like(chosen))
        return (count - found.mul_(weights).amax(dim=0)).long() + self.first

    def windows(self, places: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
        """Activations from 12 before to 4 after each place.

        int8 (chosen, 17), OUTSIDE beyond the item, and of half precision (chosen,) what 127 stands for.
        """
        steps = torch.arange(-BEFORE, AFTER + 1, device=places.device)
        wanted = places[:, None] - self.first + steps  # (chosen, 17)
        inside = (wanted >= 0) & (wanted < len(self.values))
        flat = wanted.clamp(0, len(self.values) - 1) * self.values.shape[1] + units[:, None]
        found = self.values.reshape(-1).index_select(0, flat.view(-1)).view(flat.shape).where(inside, 0.0)
        scales = half(found.abs().amax(dim=1))
        share = found / scales.float()[:, None].clamp_min(1e-30)
        bytes_ = (share * 127).round().clamp(-127, 127).where(inside, float(OUTSIDE))
        return bytes_.to(torch.int8), scales


def half(values: Tensor) -> Tensor:
    """Half precision, what is too large for it at its limit."""
    return values.clamp(-HALF_LARGEST, HALF_LARGEST).half()
