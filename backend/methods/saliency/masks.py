"""The smooth random masks of RISE as products of small matrices: made fast, and summed without making them."""

from __future__ import annotations

import math

import numpy as np


def draw_masks(seed: int, masks: int, cells: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Coarse grids (masks, cells, cells) of 0 and 1 with even odds, and shifts (masks, 2) below the cell's size.

    Mask i is the same whatever the number of masks. Petsiuk et al. 2018, section 3.2.
    """
    grids = np.random.default_rng([seed, 0]).random((masks, cells, cells)) < 0.5
    shifts = np.random.default_rng([seed, 1]).integers(0, math.ceil(side / cells), (masks, 2))
    return grids.astype(np.float32), shifts


def interpolation(cells: int, side: int) -> np.ndarray:
    """Bilinear weights (shifts, side, cells): row p of shift d says how a mask's pixel p mixes the grid's cells.

    The grid is stretched to (cells + 1) cell sizes and cropped at the shift, half-pixel centres, borders repeated.
    """
    cell = math.ceil(side / cells)
    length = (cells + 1) * cell
    centres = np.clip((np.arange(length) + 0.5) * cells / length - 0.5, 0, cells - 1)
    low = np.minimum(np.floor(centres).astype(int), cells - 2) if cells > 1 else np.zeros(length, dtype=int)
    share = (centres - low).astype(np.float32)
    stretched = np.zeros((length, cells), dtype=np.float32)
    stretched[np.arange(length), low] = 1 - share
    if cells > 1:
        stretched[np.arange(length), low + 1] += share
    return np.stack([stretched[shift : shift + side] for shift in range(cell)])


def weighted_sum(weights: np.ndarray, grids: np.ndarray, shifts: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Σ_k weights_k · mask_k, float32 (H, W), from grids and shifts without making a mask.

    weights: (n,); rows, columns: interpolation matrices of the two sides. Grids of one shift are added before they are
    stretched, so that beyond n small additions the cost does not depend on n.
    """
    by_shift = np.zeros((len(rows), len(columns), *grids.shape[1:]), dtype=np.float32)
    np.add.at(by_shift, (shifts[:, 0], shifts[:, 1]), weights[:, None, None].astype(np.float32) * grids)
    coarse = by_shift.transpose(0, 2, 1, 3).reshape(len(rows) * rows.shape[2], -1)  # (row shifts · cells, column shifts · cells)
    left, right = (sides.transpose(1, 0, 2).reshape(sides.shape[1], -1) for sides in (rows, columns))  # (H, …), (W, …)
    return left @ coarse @ right.T


def values_at(grids: np.ndarray, shifts: np.ndarray, rows: np.ndarray, columns: np.ndarray, spacing: int) -> np.ndarray:
    """Mask values at every `spacing`-th pixel of both sides, (n, h, w)."""
    offset = spacing // 2
    return rows[shifts[:, 0], offset::spacing] @ grids @ columns[shifts[:, 1], offset::spacing].transpose(0, 2, 1)
