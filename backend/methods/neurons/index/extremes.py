"""The items in which a unit is most and least active, kept while rows stream by; merged only where a kept one is beaten."""

from __future__ import annotations

import torch
from torch import Tensor

from backend.methods.neurons.index.row import Row


class Extremes:
    """The largest values of one layer's units, one an item, in slots without order, and the worst slot of each unit.

    Larger values win; of equal ones, as under a ceiling, that of the item with the larger mean; then the earlier item.
    `sign` is −1 for the smallest values: values and means are kept with turned signs.
    """

    def __init__(self, arrays: dict[str, Tensor], end: str, sign: int) -> None:
        self.sign = sign
        names = ("values", "means", "items", "places", "windows", "scales")
        self.parts = {name: arrays[f"{end}_{name}"] for name in names if f"{end}_{name}" in arrays}
        units = torch.arange(len(self.parts["values"]), device=self.parts["values"].device)
        self.worst = {name: torch.empty_like(self.parts[name][:, 0]) for name in ("values", "means", "items")}
        self.slot = torch.empty_like(units)
        self._find_worst(units)

    def add(self, row: Row) -> None:
        """Merge an item."""
        values = row.largest if self.sign > 0 else -row.smallest  # (units,)
        units = (values >= self.worst["values"]).nonzero()[:, 0]
        if len(units):
            units = units[self._beaten(values[units], self.sign * row.mean[units], row.item, units)]
        if len(units):
            self._take(row, values, units)
            self._find_worst(units)

    def _beaten(self, values: Tensor, means: Tensor, item: int, units: Tensor) -> Tensor:
        worst = {name: tensor.index_select(0, units) for name, tensor in self.worst.items()}
        empty = worst["items"] < 0
        tied = values == worst["values"]
        by_mean = (means > worst["means"]) | ((means == worst["means"]) & (item < worst["items"]))
        return empty | (values > worst["values"]) | (tied & by_mean)

    def _take(self, row: Row, values: Tensor, units: Tensor) -> None:
        slots = self.slot[units]
        places = row.places(units, self.sign)
        self.parts["values"][units, slots] = values[units]
        self.parts["means"][units, slots] = self.sign * row.mean[units]
        self.parts["items"][units, slots] = row.item
        self.parts["places"][units, slots] = places.to(torch.int32)
        if "windows" in self.parts:
            self.parts["windows"][units, slots], self.parts["scales"][units, slots] = row.windows(places, units)

    def _find_worst(self, units: Tensor) -> None:
        values, means, items = (
            self.parts[name].index_select(0, units) for name in ("values", "means", "items")
        )  # (chosen, slots) each
        lowest = values.amin(dim=1)
        still = values == lowest[:, None]
        least = means.where(still, float("inf")).amin(dim=1)
        still &= means == least[:, None]
        latest = items.where(still, -2)
        self.slot[units] = latest.argmax(dim=1)
        self.worst["values"][units], self.worst["means"][units] = lowest, least
        self.worst["items"][units] = latest.amax(dim=1)
