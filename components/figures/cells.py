"""What is drawn of a map: its own cells where they are coarse, else sums or means over squares of pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from backend.methods.saliency.result import Saliency
from components.figures.frame import SMALL
from components.figures.maps import ranked, shared_limit, summed

GRAIN = 8  # px; single pixels of a gradient are dust to the eye


@dataclass(frozen=True)
class Drawn:
    """A map as it is drawn: its cells (h, w), their side in px (None where they divide the frame evenly), its unit in words."""

    cells: np.ndarray
    cell: int | None
    unit: str


def drawn_cells(value: Saliency, grain: int = GRAIN, *, ranks: bool = False) -> Drawn:
    """The map's cells: sums of `grain` × `grain` px where its values add up, means where they do not."""
    height, width = value.heatmap.shape
    if value.cells.shape != (height, width) or min(height, width) < SMALL:
        cells, cell, unit = value.cells, None, f"{value.unit} per cell" if value.additive else str(value.unit)
    elif value.additive:
        cells, cell, unit = summed(value.heatmap, grain), grain, f"{value.unit} per cell"
    else:
        pixels = summed(np.ones_like(value.heatmap), grain)
        cells, cell, unit = summed(value.heatmap, grain) / pixels, grain, f"{value.unit}, mean of the cell"
    return Drawn(ranked(cells), cell, "rank") if ranks else Drawn(cells, cell, unit)


def scale_of(value: Saliency, *, ranks: bool = False) -> str:
    """Which scale a map is drawn on: maps that measure the same share one."""
    return "rank" if ranks else f"{value.unit}, {value.additive}"


def scale_ends(values: Iterable[Saliency], grain: int = GRAIN, *, ranks: bool = False) -> dict[str, float]:
    """The end of each scale by its name."""
    groups: dict[str, list[np.ndarray]] = {}
    for value in values:
        groups.setdefault(scale_of(value, ranks=ranks), []).append(drawn_cells(value, grain).cells)
    return {name: 1.0 if name == "rank" else shared_limit(*maps) for name, maps in groups.items()}
