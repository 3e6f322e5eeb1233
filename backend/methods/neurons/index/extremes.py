"""The items in which a unit is most and least active, kept while rows stream by; merged only where a kept one is beaten."""

from __future__ import annotations

import torch
from torch import Tensor

from backend.methods.neurons.index.row import Row


class Extremes:
    """The largest values of one layer's ends, one an item, in slots without order, and the worst slot of each end.

    An end is a unit, or a unit with its sign turned, whose largest value is the unit's smallest: one rule and one merge for both.
    Larger values win; of equal ones, as under a ceiling, that of the item with the larger mean; then the earlier item.
    """

    def __init__(self, arrays: dict[str, Tensor]) -> None:
        names = ("values", "means", "items", "places", "windows", "scales")
        self.parts = {name: arrays[f"ends_{name}"] for name in names if f"ends_{name}" in arrays}
        ends = torch.arange(len(self.parts["values"]), device=self.parts["values"].device)
        self.worst = {name: torch.empty_like(self.parts[name][:, 0]) for name in ("values", "means", "items")}
        self.slot = torch.empty_like(ends)
        self._find_worst(ends)

    def add(self, row: Row) -> None:
        """Merge an item."""
        ends = (row.ends >= self.worst["values"]).nonzero()[:, 0]
        if len(ends):
            ends = ends[self._beaten(row, ends)]
        if len(ends):
            self._take(row, ends)
            self._find_worst(ends)

    def _beaten(self, row: Row, ends: Tensor) -> Tensor:
        worst = {name: tensor.index_select(0, ends) for name, tensor in self.worst.items()}
        values, means = row.ends.index_select(0, ends), row.means.index_select(0, ends)
        by_mean = (means > worst["means"]) | ((means == worst["means"]) & (row.item < worst["items"]))
        return (worst["items"] < 0) | (values > worst["values"]) | ((values == worst["values"]) & by_mean)

    def _take(self, row: Row, ends: Tensor) -> None:
        at = (ends, self.slot[ends])
        places = row.places(ends)
        self.parts["values"][at] = row.ends[ends]
        self.parts["means"][at] = row.means[ends]
        self.parts["items"][at] = row.item
        self.parts["places"][at] = places.to(torch.int32)
        if "windows" in self.parts:
            self.parts["windows"][at], self.parts["scales"][at] = row.windows(places, ends % row.units)

    def _find_worst(self, ends: Tensor) -> None:
        values, means, items = (
            self.parts[name].index_select(0, ends) for name in ("values", "means", "items")
        )  # (chosen, slots) each
        lowest = values.amin(dim=1)
        still = values == lowest[:, None]
        least = means.where(still, float("inf")).amin(dim=1)
        still &= means == least[:, None]
        latest, slot = items.where(still, -2).max(dim=1)
        self.slot[ends] = slot
        self.worst["values"][ends], self.worst["means"][ends], self.worst["items"][ends] = lowest, least, latest
