"""The part of a photo that a map marks most, as a region that can be erased."""

from __future__ import annotations

import numpy as np

from backend.methods.question import Box
from backend.methods.saliency.result import Saliency
from components.figures.maps import summed

GRAIN = 8
SHARE = 0.05


def strongest(value: Saliency, share: float = SHARE) -> tuple[Box, ...]:
    """The cells that speak most for the target, at most `share` of all and at least one; none where no cell speaks for it.

    Cells are the map's own where they are coarse, else sums over 8 × 8 px; neighbours in a row become one box.
    """
    height, width = value.heatmap.shape
    cells = value.cells
    if cells.shape == (height, width) and min(height, width) > 8 * GRAIN:
        cells = summed(value.heatmap, GRAIN)
    count = max(1, int(share * cells.size))
    order = np.argsort(-cells, axis=None, kind="stable")[:count]
    chosen = np.zeros(cells.shape, dtype=bool)
    chosen.flat[order] = cells.flat[order] > 0
    return tuple(box for row in range(cells.shape[0]) for box in _runs(chosen[row], row, cells.shape, (height, width)))


def _runs(chosen: np.ndarray, row: int, cells: tuple[int, int], frame: tuple[int, int]) -> list[Box]:
    """Boxes in pixels of the frame for the runs of chosen cells in one row."""
    tall, wide = frame[0] / cells[0], frame[1] / cells[1]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(int), [0]])))
    return [
        Box(left * wide, row * tall, right * wide, (row + 1) * tall) for left, right in zip(edges[::2], edges[1::2], strict=True)
    ]
