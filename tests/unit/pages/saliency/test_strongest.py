"""The part of a photo that a map marks most, as boxes to erase."""

from __future__ import annotations

import numpy as np

from backend.data import regions
from pages.saliency.strongest import SHARE, strongest
from tests.unit.map_by_hand import map_by_hand


def test_the_strongest_cells_of_a_coarse_map_are_boxed_in_pixels() -> None:
    cells = np.zeros((7, 7))
    cells[2, 3:5] = 1
    boxes = strongest(map_by_hand(np.zeros((1, 224, 224)), cells=cells))
    assert [(box.left, box.top, box.right, box.bottom) for box in boxes] == [(96, 64, 160, 96)]


def test_at_most_the_share_is_taken() -> None:
    boxes = strongest(map_by_hand(np.abs(np.random.default_rng(0).normal(size=(3, 224, 224)))))
    covered = regions.mask(boxes, 224, 224).mean()
    assert 0.8 * SHARE < covered <= SHARE


def test_only_what_speaks_for_the_target_is_taken() -> None:
    assert strongest(map_by_hand(-np.ones((1, 224, 224)))) == ()
    assert strongest(map_by_hand(np.zeros((1, 8, 8)))) == ()


def test_a_digit_loses_at_least_a_pixel() -> None:
    pixels = np.zeros((1, 8, 8))
    pixels[0, 5, 1] = 1
    (box,) = strongest(map_by_hand(pixels))
    assert (box.left, box.top, box.right, box.bottom) == (1, 5, 2, 6)
