"""Layer pictures: each on its own scale, clear at zero, never smoothed."""

from __future__ import annotations

import numpy as np

from components.figures.frame import faded
from components.figures.layers import layer_picture, signed_colours
from components.palette import rgb

FRAME = np.random.default_rng(0).integers(0, 256, (56, 56, 3), dtype=np.uint8)


def test_zero_leaves_the_faded_photo() -> None:
    picture = layer_picture(np.zeros((7, 7), np.float32), FRAME, "light")
    assert np.array_equal(picture, np.repeat(faded(FRAME, "light")[..., None], 3, axis=2))


def test_a_picture_does_not_depend_on_the_strength_of_its_layer() -> None:
    cells = np.random.default_rng(1).normal(size=(7, 7)).astype(np.float32)
    assert np.array_equal(layer_picture(cells, FRAME, "dark"), layer_picture(1000 * cells, FRAME, "dark"))


def test_cells_have_hard_edges() -> None:
    cells = np.zeros((2, 2), np.float32)
    cells[0, 0] = 1
    changed = (layer_picture(cells, FRAME, "light") != layer_picture(cells * 0, FRAME, "light")).any(axis=2)
    assert changed[:28, :28].all()
    assert not changed[28:].any()


def test_the_ends_are_the_strongest_colours() -> None:
    against, clear, towards = signed_colours(np.float32([-1, 0, 1]), "light")
    assert tuple(against) == (*rgb("#08366E"), 255)
    assert tuple(towards) == (*rgb("#7F2E04"), 255)
    assert clear[3] == 0


def test_photos_of_one_channel_are_faded_too() -> None:
    assert faded(FRAME[..., :1], "light").shape == (56, 56)
    assert faded(FRAME, "light").min() >= 148
    assert faded(FRAME, "dark").max() <= 118
