"""The windows occlusion slides over a frame; torch-free, since the cost forecast counts them too."""

from __future__ import annotations

import math

import numpy as np


def window_boxes(height: int, width: int, cells: int, overlap: int) -> np.ndarray:
    """Windows of 1/cells of a side, moved by 1/overlap of themselves, the last ones cut at the border.

    Rows of top, left, bottom, right, int (n, 4), the ends excluded.
    """
    rows, columns = _spans(height, cells, overlap), _spans(width, cells, overlap)
    return np.array([(top, left, bottom, right) for top, bottom in rows for left, right in columns])


def _spans(side: int, cells: int, overlap: int) -> list[tuple[int, int]]:
    window = math.ceil(side / cells)
    stride = max(1, window // overlap)
    starts = [stride * step for step in range(1 + math.ceil((side - window) / stride))]
    return [(start, min(start + window, side)) for start in starts]
