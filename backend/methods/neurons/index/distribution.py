"""The distribution of a layer's activations, kept while rows stream by: histogram, sums of powers, firing counts, extremes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backend.store.index_file import BINS

BLOCK = 64  # positions summed at a time: with 1,536 units 400 kB, and three times as much beside them
MARGIN = 0.25  # of the first batch's range, on either side: most of what comes later then falls into a bin


class Scratch:
    """Memory for intermediate values, reused: fresh pages would cost more than the sums."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._held: dict[str, Tensor] = {}

    def of(self, name: str, shape: tuple[int, int], dtype: torch.dtype = torch.float32) -> Tensor:
        """An uninitialised tensor of that shape."""
        size = shape[0] * shape[1]
        if name not in self._held or len(self._held[name]) < size:
            self._held[name] = torch.empty(size, dtype=dtype, device=self._device)
        return self._held[name][:size].view(shape)


@dataclass(frozen=True)
class Reduced:
    """What a batch comes down to, (rows, 2 · units) each: largest value and mean of each unit, then with its sign turned."""

    ends: Tensor
    means: Tensor


class Distribution:
    """Adds batches of one layer to its histogram and sums.

    The first batch fixes what cannot change later: the bins, from a little below its smallest to a little above its largest
    activation, and the shift near the mean that keeps the sums of powers exact.
    """

    def __init__(self, arrays: dict[str, Tensor], scratch: Scratch) -> None:
        self.arrays = arrays
        self.scratch = scratch
        self.units = len(arrays["low"])
        self.offsets = torch.arange(self.units, dtype=torch.int32, device=arrays["low"].device) * BINS
        self.ones = torch.ones(1, BLOCK, device=arrays["low"].device)

    def begin(self, rows: Sequence[Tensor]) -> None:
        """Fix bins and shift by the first batch: rows (positions, units)."""
        low = torch.stack([row.amin(dim=0) for row in rows]).amin(dim=0)
        high = torch.stack([row.amax(dim=0) for row in rows]).amax(dim=0)
        flat = high - low <= 1e-6 * torch.maximum(low.abs(), high.abs())  # a unit that has not moved yet
        beside = MARGIN * (high - low) + 0.5 * flat
        # Below the zero of a rectified unit there is nothing to count.
        self.arrays["low"].copy_(torch.where((low == 0) & ~flat, low, low - beside))
        self.arrays["high"].copy_(high + beside)
        self.arrays["shift"].copy_(torch.cat(list(rows)).mean(dim=0))

    def add(self, rows: Sequence[Tensor]) -> Reduced:
        """Add a batch of rows, (positions, units) each. The caller checks that what comes back is finite, then calls `count`."""
        powers = self.ones.new_zeros(len(rows), 5, self.units)  # of (activation − shift), and firings
        ends = self.ones.new_empty(2, len(rows), self.units)
        for at, row in enumerate(rows):
            torch.amax(row, dim=0, out=ends[0, at])
            torch.amin(row, dim=0, out=ends[1, at])
            for block in row.split(BLOCK):
                self._sum(block, powers[at])
        own = self.arrays
        torch.maximum(own["maximum"], ends[0].amax(dim=0), out=own["maximum"])
        torch.minimum(own["minimum"], ends[1].amin(dim=0), out=own["minimum"])
        own["shift_sums"] += powers[:, :4].sum(dim=0, dtype=torch.float64).T
        own["fired"] += powers[:, 4].sum(dim=0, dtype=torch.float64).round().long()
        lengths = torch.tensor([len(row) for row in rows], device=powers.device)
        means = powers[:, 0] / lengths[:, None] + own["shift"]
        return Reduced(torch.cat([ends[0], -ends[1]], dim=1), torch.cat([means, -means], dim=1))

    def _sum(self, block: Tensor, into: Tensor) -> None:
        """Add the powers and firings of a block (positions, units), which stays in the cache meanwhile, into (5, units)."""
        shape, ones = (len(block), self.units), self.ones[:, : len(block)]
        first, second, other = (self.scratch.of(name, shape) for name in ("first", "second", "other"))
        # A product with ones sums faster than a sum.
        into[0:1].addmm_(ones, torch.sub(block, self.arrays["shift"], out=first))
        into[1:2].addmm_(ones, torch.mul(first, first, out=second))
        into[2:3].addmm_(ones, torch.mul(first, second, out=other))
        into[3:4].addmm_(ones, torch.mul(second, second, out=other))
        into[4:5].addmm_(ones, torch.gt(block, 0, out=other))

    def count(self, rows: Sequence[Tensor]) -> None:
        """Add a batch of rows (positions, units), all finite, to the histogram."""
        scale = BINS / (self.arrays["high"] - self.arrays["low"])
        start = -self.arrays["low"] * scale
        bins = self.scratch.of("bins", (sum(len(row) for row in rows), self.units), torch.int32)
        at = 0
        for block in (block for row in rows for block in row.split(BLOCK)):
            place = self.scratch.of("first", (len(block), self.units))
            torch.addcmul(start, block, scale, out=place).clamp_(0, BINS - 1)
            bins[at : at + len(block)].copy_(place).add_(self.offsets)
            at += len(block)
        counted = torch.bincount(bins.view(-1), minlength=self.units * BINS)
        self.arrays["counts"] += counted.view(self.units, BINS)
