"""The distribution of a layer's activations, kept while rows stream by: histogram, sums of powers, firing counts, extremes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from backend.store.index_file import BINS

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


class Distribution:
    """Adds rows of one layer to its histogram and sums.

    The first batch fixes what cannot change later: the bins, from a little below its smallest to a little above its largest
    activation, and the shift near the mean that keeps the sums of powers exact.
    """

    def __init__(self, arrays: dict[str, Tensor], scratch: Scratch) -> None:
        self.arrays = arrays
        self.scratch = scratch
        self.units = len(arrays["low"])
        self.offsets = torch.arange(self.units, dtype=torch.int32, device=arrays["low"].device) * BINS

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

    def sums(self, row: Tensor) -> Tensor:
        """Add the powers and firings of a row (positions, units); returns its mean, (units,)."""
        shape = (len(row), self.units)
        first, second, power = (self.scratch.of(name, shape) for name in ("first", "second", "power"))
        ones = row.new_ones(1, len(row))
        torch.sub(row, self.arrays["shift"], out=first)
        torch.mul(first, first, out=second)
        one = (ones @ first)[0]  # a product with ones sums faster than a sum
        sums = [one, (ones @ second)[0], (ones @ torch.mul(first, second, out=power))[0]]
        sums.append((ones @ torch.mul(second, second, out=power))[0])
        self.arrays["shift_sums"] += torch.stack(sums, dim=1)
        self.arrays["fired"] += (ones @ torch.gt(row, 0, out=power))[0].round().int()
        return one / len(row) + self.arrays["shift"]

    def count(self, rows: Sequence[Tensor]) -> None:
        """Add a batch of rows (positions, units) to the histogram."""
        scale = BINS / (self.arrays["high"] - self.arrays["low"])
        start = -self.arrays["low"] * scale
        total, largest = sum(len(row) for row in rows), max(len(row) for row in rows)
        bins = self.scratch.of("bins", (total, self.units), torch.int32)
        at = 0
        for row in rows:
            place = self.scratch.of("first", (largest, self.units))[: len(row)]
            torch.addcmul(start, row, scale, out=place).clamp_(0, BINS - 1)
            bins[at : at + len(row)].copy_(place).add_(self.offsets)
            at += len(row)
        counted = torch.bincount(bins.view(-1), minlength=self.units * BINS)
        self.arrays["counts"] += counted.view(self.units, BINS).int()
