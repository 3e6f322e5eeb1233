"""Receptive fields: the part of the picture that each cell of a layer can see, and the part that it mostly looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backend.methods.params import ParameterError
from backend.methods.question import Box, Question, Weights
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import GRADIENTS, SPATIAL_LAYERS, UNITS, ModelCard

if TYPE_CHECKING:
    from backend.engine.asking import Asking

PHOTOS = 4  # over which it is measured where a cell mostly looks
SHARE = 0.9  # of the squared gradient along either axis


@dataclass(frozen=True)
class ReceptiveField:
    """Nothing to choose: one series of passes gives every layer."""


@dataclass(frozen=True)
class ReceptiveFields:
    """What the cells of each layer of units see of the model's frame, which is `height` × `width` px.

    fields: by layer, int16 (positions, 4): left, top, right, bottom in px, right and bottom excluded; exact.
    grids: by layer, (extra, rows, columns): how many leading tokens stand for no place, then the map, row by row.
    typical: by layer, (height, width) in px of the box around a cell that holds `SHARE` of its squared gradient along
        either axis, mean over `PHOTOS` photos. It is what a cell mostly looks at; `fields` is what it can see.
    """

    height: int
    width: int
    fields: Mapping[str, np.ndarray]
    grids: Mapping[str, tuple[int, int, int]]
    typical: Mapping[str, tuple[float, float]]
    passes: PassCount


def field_of(found: ReceptiveFields, layer: str, cell: int) -> Box:
    """The box of the frame outside of which no pixel can change a cell. Raises ParameterError for no such layer or cell."""
    boxes = found.fields.get(layer)
    if boxes is None:
        raise ParameterError(f"Layer: there is no {layer[:40]!r}; there are {', '.join(found.fields)[:200]}.")
    if not 0 <= cell < len(boxes):
        raise ParameterError(f"Cell: {cell} is outside 0 to {len(boxes) - 1}, the cells of {layer}.")
    left, top, right, bottom = (float(edge) for edge in boxes[cell])
    return Box(left, top, right, bottom)


def typical_field(found: ReceptiveFields, layer: str, cell: int) -> Box:
    """The box that a cell mostly looks at, of the layer's typical size about the cell's place and inside the frame.

    For a token that stands for no place it is all that the token can see. Raises ParameterError for no such layer or cell.
    """
    whole = field_of(found, layer, cell)
    extra, rows, columns = found.grids[layer]
    if cell < extra:
        return whole
    row, column = divmod(cell - extra, columns)
    height, width = found.typical[layer]
    top, bottom = _span((row + 0.5) * found.height / rows, height, whole.top, whole.bottom)
    left, right = _span((column + 0.5) * found.width / columns, width, whole.left, whole.right)
    return Box(left, top, right, bottom)


def _span(middle: float, size: float, low: float, high: float) -> tuple[float, float]:
    """An interval of that size about `middle`, moved inside `low` to `high` and cut where it is longer."""
    size = min(size, high - low)
    start = min(max(middle - size / 2, low), high - size)
    return float(round(start)), float(round(start + size))


def _cost(params: ReceptiveField, card: ModelCard) -> PassCount:
    probes = card.preprocess.height + card.preprocess.width
    looks = PHOTOS * len(card.units)
    return PassCount(probes + looks + 1, looks)


@method(
    "receptive_field",
    title="Receptive fields",
    page="neurons",
    params=ReceptiveField,
    inputs=Weights,
    needs=frozenset({GRADIENTS, UNITS, SPATIAL_LAYERS}),
    returns=ReceptiveFields,
    lane="background",
    teaching=Teaching(
        "Marks each row and column of the picture in turn and follows which cells of every layer the mark can reach.",
        "It cannot tell what a cell does with what it sees: far from its middle a deep cell sees much and heeds little.",
        "Luo et al. 2016, Understanding the Effective Receptive Field in Deep Convolutional Neural Networks.",
    ),
    cost=_cost,
)
def receptive_field(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield progress, then the fields of all layers."""
    from backend.methods.neurons.draw.probing import probe

    yield from probe(asking)
