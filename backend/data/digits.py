"""scikit-learn's handwritten digits as 8 × 8 grey pictures, split once and for all into training and held-out ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

HELD_OUT = 360
SPLIT_SEED = 0
_LEVELS = 16


@dataclass(frozen=True)
class Digits:
    """pixels: uint8 (count, 8, 8), 0 paper to 255 ink; classes: int64 (count,), the digit; indices: rows of the data set."""

    pixels: np.ndarray
    classes: np.ndarray
    indices: np.ndarray


def training() -> Digits:
    """The 1437 pictures the models learn from."""
    return _split()[0]


def held_out() -> Digits:
    """The 360 pictures no model has seen."""
    return _split()[1]


@cache
def _split() -> tuple[Digits, Digits]:
    from sklearn.datasets import load_digits

    data = load_digits()
    pixels = np.round(data.images * (255 / _LEVELS)).astype(np.uint8)  # (1797, 8, 8)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(pixels))
    parts = (np.sort(order[HELD_OUT:]), np.sort(order[:HELD_OUT]))
    train, held = (Digits(pixels[rows], data.target[rows].astype(np.int64), rows) for rows in parts)
    return train, held
