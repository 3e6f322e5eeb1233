"""Orders of pixels: a map's, and those of the controls it must beat."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, sobel

from backend.methods.saliency.cells import smooth

RANKING_SIGMA = 4 / 224  # of the Gaussian, as a share of the shorter side: 4 px at 224
GRID = 7  # cells a side of a smooth random order
SMOOTHING = "bilinear from cell centres where coarser than pixels, then a Gaussian of σ 4 px at 224 (1.8 % of the shorter side)"


def smoothed(cells: np.ndarray, height: int, width: int) -> np.ndarray:
    """A map at its own resolution (h, w) as every ranking takes it, float32 (H, W): SMOOTHING in words."""
    full = smooth(cells, height, width) if cells.shape != (height, width) else cells.astype(np.float32)
    return gaussian_filter(full, RANKING_SIGMA * min(height, width), mode="nearest")


def ranks(values: np.ndarray, seed: int) -> np.ndarray:
    """Each pixel's place in the order from the highest value to the lowest, int32 (H, W); ties fall at random."""
    flat = values.ravel()
    chance = np.random.default_rng([seed, 0]).random(flat.size)
    places = np.empty(flat.size, dtype=np.int32)
    places[np.lexsort((chance, -flat))] = np.arange(flat.size, dtype=np.int32)
    return places.reshape(values.shape)


def random_map(seed: int, number: int, height: int, width: int) -> np.ndarray:
    """A map that knows nothing of model or photo, as coarse as a coarse map: GRID × GRID normal draws, smoothed, (H, W)."""
    return smoothed(np.random.default_rng([seed, 1, number]).standard_normal((GRID, GRID)), height, width)


def pixel_random(seed: int, height: int, width: int) -> np.ndarray:
    """Places of the pixels in an order without any smoothness, int32 (H, W)."""
    return np.random.default_rng([seed, 2]).permutation(height * width).astype(np.int32).reshape(height, width)


def edge_strength(frame: np.ndarray) -> np.ndarray:
    """Size of the Sobel gradient of the frame (H, W, C) in grey, float32 (H, W): a map that knows nothing of the model."""
    grey = frame.astype(np.float32).mean(axis=2)
    return np.hypot(sobel(grey, axis=0, mode="nearest"), sobel(grey, axis=1, mode="nearest"))


def control_ranks(frame: np.ndarray, orders: int, seed: int) -> np.ndarray:
    """Places of the pixels in the control orders, int32 (2 + orders, H, W): edge detector, pixel random, smooth random."""
    height, width = frame.shape[:2]
    edges = smoothed(edge_strength(frame), height, width)
    smooth_random = [ranks(random_map(seed, number, height, width), seed) for number in range(orders)]
    return np.stack([ranks(edges, seed), pixel_random(seed, height, width), *smooth_random])
