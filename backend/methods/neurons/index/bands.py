"""What units do on the uniformly drawn items: their largest value in each, and examples from bands of their distribution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from backend.methods.neurons.index.row import Row, half
from backend.store.histogram import Counted
from backend.store.index_file import BAND, NO_SLOT, RANDOM_SLOTS, SAMPLED
from backend.store.unit_index import HIGH_BAND, MIDDLE_BAND

SETTLED = 48  # sampled items after which the histogram is trusted with the 99th percentile
COUNTED = ("counts", "low", "high", "minimum", "maximum")


@dataclass(frozen=True)
class Limits:
    """Of units that still lack examples, int64 (lacking,), the bands' limits, (lacking,) each."""

    units: Tensor
    high: tuple[Tensor, Tensor]
    middle: tuple[Tensor, Tensor]


class Bands:
    """Takes the sampled items of one layer.

    "high": items whose largest value lies between the 99th and the 99.9th percentile of all activations.
    "middle": a position drawn at random, where the value lies between the median and the 90th percentile.
    "random": whatever the item holds.
    """

    def __init__(self, arrays: dict[str, Tensor], seed: int) -> None:
        self.arrays = arrays
        self.seed = seed

    def limits(self) -> Limits | None:
        """The bands' limits as the histogram stands now; None where no unit lacks an example any more."""
        lacks = [(self.arrays[f"{band}_slots"] == NO_SLOT).any(dim=1) for band in ("high", "middle")]
        units = (lacks[0] | lacks[1]).nonzero()[:, 0]
        if not len(units):
            return None
        worst = self.arrays["ends_values"].amin(dim=1)  # (2 · units,)
        held = (*(self.arrays[name] for name in COUNTED), -worst[len(lacks[0]) :], worst[: len(lacks[0])])
        counted = Counted(*(tensor.index_select(0, units).cpu().numpy() for tensor in held))

        def at(share: float) -> Tensor:
            return torch.from_numpy(counted.quantile(share)).to(self.arrays["low"])

        return Limits(units, (at(HIGH_BAND[0]), at(HIGH_BAND[1])), (at(MIDDLE_BAND[0]), at(MIDDLE_BAND[1])))

    def add(self, row: Row, limits: Limits | None) -> None:
        """Take an item of the sample; without limits no band is filled."""
        if row.number >= SAMPLED:
            return
        places = row.peaks()
        self.arrays["sampled_values"][:, row.number] = half(row.largest)
        self.arrays["sampled_places"][:, row.number] = places.to(torch.int32)
        if row.number in RANDOM_SLOTS:
            every = torch.arange(len(row.largest), device=row.largest.device)
            self._window("random", row, every, torch.full_like(every, RANDOM_SLOTS.index(row.number)), places)
        if limits is None:
            return
        units, slots = self._wanted("high", row.largest, limits.units, limits.high)
        self._fill("high", row, units, slots, places[units])
        drawn = _drawn(self.seed, row.item, len(row.values))
        units, slots = self._wanted("middle", row.values[drawn], limits.units, limits.middle)
        self._fill("middle", row, units, slots, torch.full_like(units, drawn + row.first))
        self.arrays["middle_values"][units, slots] = half(row.values[drawn, units])
        self.arrays["middle_places"][units, slots] = drawn + row.first

    def _wanted(self, band: str, values: Tensor, units: Tensor, limits: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Of some units those whose band lacks an example that the values, (all units,), give; and the slots to fill."""
        own = values.index_select(0, units)
        filled = (self.arrays[f"{band}_slots"].index_select(0, units) != NO_SLOT).sum(dim=1)  # (lacking,)
        fits = ((own >= limits[0]) & (own <= limits[1]) & (filled < BAND)).nonzero()[:, 0]
        return units[fits], filled[fits]

    def _fill(self, band: str, row: Row, units: Tensor, slots: Tensor, places: Tensor) -> None:
        self.arrays[f"{band}_slots"][units, slots] = row.number
        self._window(band, row, units, slots, places)

    def _window(self, band: str, row: Row, units: Tensor, slots: Tensor, places: Tensor) -> None:
        if f"{band}_windows" in self.arrays:
            windows, scales = row.windows(places, units)
            self.arrays[f"{band}_windows"][units, slots] = windows
            self.arrays[f"{band}_scales"][units, slots] = scales


@lru_cache(maxsize=256)
def _drawn(seed: int, item: int, positions: int) -> int:
    """A position of the item, drawn by its number: no batch and no other item can change it."""
    return int(np.random.default_rng((seed, 2, item)).integers(positions))
