"""What units do on the uniformly drawn items: their largest value in each, and examples from bands of their distribution."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from backend.methods.neurons.index.row import Row, half
from backend.store.histogram import Counted
from backend.store.index_file import BAND, NO_SLOT, RANDOM_SLOTS, SAMPLED
from backend.store.unit_index import HIGH_BAND, MIDDLE_BAND

SETTLED = 48  # sampled items after which the histogram is trusted with the 99th percentile


class Bands:
    """Takes the sampled items of one layer.

    "high": items whose largest value lies between the 99th and the 99.9th percentile of all activations.
    "middle": a position drawn at random, where the value lies between the median and the 90th percentile.
    "random": whatever the item holds.
    """

    def __init__(self, arrays: dict[str, Tensor], seed: int) -> None:
        self.arrays = arrays
        self.seed = seed

    def limits(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The bands' limits as the histogram stands now, (units,) each."""
        names = ("counts", "low", "high", "minimum", "maximum")
        few = (-self.arrays["bottom_values"].amin(dim=1), self.arrays["top_values"].amin(dim=1))
        held = Counted(*(tensor.cpu().numpy() for tensor in (*(self.arrays[name] for name in names), *few)))

        def at(share: float) -> Tensor:
            return torch.from_numpy(held.quantile(share)).to(self.arrays["low"])

        return {"high": (at(HIGH_BAND[0]), at(HIGH_BAND[1])), "middle": (at(MIDDLE_BAND[0]), at(MIDDLE_BAND[1]))}

    def add(self, row: Row, limits: dict[str, tuple[Tensor, Tensor]] | None) -> None:
        """Take an item of the sample; without limits no band is filled."""
        if row.number >= SAMPLED:
            return
        every = torch.arange(len(row.largest), device=row.largest.device)
        places = row.peaks
        self.arrays["sampled_values"][:, row.number] = half(row.largest)
        self.arrays["sampled_places"][:, row.number] = places.to(torch.int32)
        if row.number in RANDOM_SLOTS:
            self._window("random", row, every, torch.full_like(every, RANDOM_SLOTS.index(row.number)), places)
        if limits is None:
            return
        units, slots = self._wanted("high", row.largest, limits)
        self._fill("high", row, units, slots, places[units])
        drawn = self._drawn(row)
        units, slots = self._wanted("middle", row.values[drawn], limits)
        self._fill("middle", row, units, slots, torch.full_like(units, drawn + row.first))
        self.arrays["middle_values"][units, slots] = half(row.values[drawn, units])
        self.arrays["middle_places"][units, slots] = drawn + row.first

    def _drawn(self, row: Row) -> int:
        """A position of the item, drawn by its number: no batch and no other item can change it."""
        return int(np.random.default_rng((self.seed, 2, row.item)).integers(len(row.values)))

    def _wanted(self, band: str, values: Tensor, limits: dict[str, tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Units of which the band still lacks an example and the values (units,) give one, and the slots to fill."""
        low, high = limits[band]
        filled = (self.arrays[f"{band}_slots"] != NO_SLOT).sum(dim=1)  # (units,)
        units = ((values >= low) & (values <= high) & (filled < BAND)).nonzero()[:, 0]
        return units, filled[units]

    def _fill(self, band: str, row: Row, units: Tensor, slots: Tensor, places: Tensor) -> None:
        self.arrays[f"{band}_slots"][units, slots] = row.number
        self._window(band, row, units, slots, places)

    def _window(self, band: str, row: Row, units: Tensor, slots: Tensor, places: Tensor) -> None:
        if f"{band}_windows" in self.arrays:
            windows, scales = row.windows(places, units)
            self.arrays[f"{band}_windows"][units, slots] = windows
            self.arrays[f"{band}_scales"][units, slots] = scales
