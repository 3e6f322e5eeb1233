"""Crops: exactly the field's pixels, whatever hangs over the edge, and a frame that can be seen."""

from __future__ import annotations

import numpy as np
import pytest

from backend.methods.question import Box
from components.figures.crops import SIDE, field_crop, framed_photo
from components.palette import PALETTES, rgb

PHOTO = np.arange(224 * 224 * 3, dtype=np.uint32).reshape(224, 224, 3).astype(np.uint8)
DIGIT = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)


def test_a_crop_is_the_pixels_of_the_field() -> None:
    np.testing.assert_array_equal(field_crop(PHOTO, Box(10, 20, 110, 130)), PHOTO[20:130, 10:110])


def test_what_hangs_over_the_edge_is_left_out() -> None:
    np.testing.assert_array_equal(field_crop(PHOTO, Box(-50, -3, 80, 90)), PHOTO[:90, :80])


def test_small_pictures_show_their_pixels_as_squares() -> None:
    crop = field_crop(DIGIT, Box(2, 3, 6, 8))
    assert crop.ndim == 2
    assert min(crop.shape) >= SIDE
    step = crop.shape[0] // 5
    np.testing.assert_array_equal(crop[::step, ::step][:5, :4], DIGIT[3:8, 2:6, 0])


@pytest.mark.parametrize("box", [Box(224, 0, 300, 10), Box(-9, -9, 0, 0), Box(5, 5, 5, 9)])
def test_a_box_that_misses_the_frame_is_an_error(box: Box) -> None:
    with pytest.raises(ValueError, match="outside of a frame of 224 × 224"):
        field_crop(PHOTO, box)


def test_the_frame_is_drawn_around_the_box_and_nowhere_else() -> None:
    before = PHOTO.copy()
    photo = framed_photo(PHOTO, Box(50, 60, 100, 120), "light")
    np.testing.assert_array_equal(PHOTO, before)
    assert tuple(photo[60, 50]) == tuple(photo[119, 99]) == rgb(PALETTES["light"].accent)
    np.testing.assert_array_equal(photo[70:110, 60:90], PHOTO[70:110, 60:90])
    outside = np.ones(photo.shape[:2], dtype=bool)
    outside[60:120, 50:100] = False
    np.testing.assert_array_equal(photo[outside], PHOTO[outside])


def test_without_a_box_the_photo_stays_as_it_is() -> None:
    np.testing.assert_array_equal(framed_photo(PHOTO, None, "dark"), PHOTO)


def test_a_digit_is_framed_at_the_size_it_is_drawn() -> None:
    photo = framed_photo(DIGIT, Box(2, 2, 6, 6), "dark")
    scale = photo.shape[0] // 8
    assert photo.shape == (8 * scale, 8 * scale, 3)
    assert tuple(photo[2 * scale, 2 * scale]) == rgb(PALETTES["dark"].accent)
