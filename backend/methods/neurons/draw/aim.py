"""What is climbed: one unit at all positions or at the centre, upwards or downwards."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from backend.methods.neurons.feature_visualization import Direction, FeatureVisualization, Objective
from backend.methods.params import ParameterError
from backend.models.card import UnitLayer, unit_layer
from backend.models.layers import TokenGrid
from backend.models.loaded import ImageModel


@dataclass(frozen=True)
class Aim:
    """A unit and what of it counts. centre: the position in the middle of the layer's map."""

    layer: str
    unit: int
    objective: Objective
    direction: Direction
    centre: int

    @property
    def sign(self) -> float:
        """1 uphill, −1 downhill."""
        return 1.0 if self.direction == "highest" else -1.0

    def measured(self, values: Tensor) -> Tensor:
        """The objective of each row, (rows,), from a layer's values (rows, positions, units)."""
        own = values[..., self.unit]
        return own.mean(dim=1) if self.objective == "mean" else own[:, self.centre]

    def strongest(self, values: Tensor) -> Tensor:
        """The largest position of each row, (rows,), or the smallest where the way is down."""
        own = values[..., self.unit]
        return self.sign * (self.sign * own).amax(dim=1)

    def uphill(self, values: Tensor) -> Tensor:
        """What grows on the way, (rows,)."""
        return self.sign * self.measured(values)


def aim_of(params: FeatureVisualization, model: ImageModel, positions: int) -> Aim:
    """The aim that the parameters name; `positions` are those of `layer_of`."""
    layer = layer_of(params, model)
    return Aim(layer.name, params.unit, params.objective, params.direction, centre_of(model, layer.name, positions))


def layer_of(params: FeatureVisualization, model: ImageModel) -> UnitLayer:
    """The layer of units that the parameters name. Raises ParameterError naming the layers or the limit."""
    units = model.card.units
    layer = unit_layer(model.card, params.layer or units[-1].name)
    if layer is None:
        there = ", ".join(item.name for item in units)
        raise ParameterError(f"Layer: there is no {params.layer[:40]!r}; there are {there[:200]}.")
    if layer.kind == "head":
        raise ParameterError(f"Layer: {layer.name} has heads, which have no one activation to climb.")
    if params.unit >= layer.count:
        raise ParameterError(f"Unit: {params.unit} is outside 0 to {layer.count - 1}, the units of {layer.name}.")
    return layer


def centre_of(model: ImageModel, layer: str, positions: int) -> int:
    """The middle of a layer's map, row by row."""
    extra, height, width = grid_of(model, layer, positions)
    return extra + (height // 2) * width + width // 2 if height else positions // 2


def grid_of(model: ImageModel, layer: str, positions: int) -> tuple[int, int, int]:
    """How a layer's positions lie in the picture: leading tokens that stand for no place, then rows and columns.

    Where that cannot be told, no position stands for a place.
    """
    card = next((card for card in model.card.layers if card.name == layer), None)
    if card is not None and card.height * card.width == positions:
        return 0, card.height, card.width
    for point in model.layers.values():
        grid = point.to_map
        if isinstance(grid, TokenGrid) and grid.extra + grid.height * grid.width == positions:
            return grid.extra, grid.height, grid.width
    return positions, 0, 0
