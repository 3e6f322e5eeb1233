"""Coarse cells and full frames: a map at its own resolution, laid over the model's input frame."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates


def spread(cells: np.ndarray, height: int, width: int) -> np.ndarray:
    """Each pixel gets the value of the cell it lies in, float32 (1, H, W) from (h, w); no value is invented."""
    rows = (np.arange(height) * cells.shape[0]) // height
    columns = (np.arange(width) * cells.shape[1]) // width
    return cells[rows[:, None], columns[None]].astype(np.float32)[None]


def smooth(cells: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear from cell centres, float32 (H, W): only for ranking pixels, where cells would leave ties."""
    rows = (np.arange(height) + 0.5) * cells.shape[0] / height - 0.5
    columns = (np.arange(width) + 0.5) * cells.shape[1] / width - 0.5
    grid = np.meshgrid(rows, columns, indexing="ij")
    return map_coordinates(cells.astype(np.float32), grid, order=1, mode="nearest")


def why_blank(attribution: np.ndarray, score: float, reason: str) -> str | None:
    """The reason a map shows nothing, where it is zero or not finite everywhere; None otherwise."""
    if not np.isfinite(attribution).all():
        return "The model's answer is not a finite number here, so there is nothing to draw."
    if np.abs(attribution).max(initial=0.0) <= 1e-12 * max(1.0, abs(score)):
        return reason
    return None


GRADIENT_ZERO = (
    "The gradient is zero at every pixel: the target no longer reacts to small changes of this sample. "
    "Occlusion and RISE make large changes and may still show something."
)
