"""Frames of stored photos: made once, shared, and not to be written to."""

from __future__ import annotations

import numpy as np
import pytest

from backend.data import images, samples
from backend.data.framed import framed
from backend.data.frames import Preprocess, frame

SMALL = Preprocess(32, 32, 36, mean=(127.0,) * 3, std=(128.0,) * 3)
LARGE = Preprocess(64, 64, 72, mean=(127.0,) * 3, std=(128.0,) * 3)


def test_a_frame_is_that_of_the_photo_and_of_the_model() -> None:
    content = samples.sample_image("cat")
    assert np.array_equal(framed(content, SMALL), frame(images.load(content), SMALL))
    assert framed(content, LARGE).shape == (64, 64, 3)


def test_it_is_made_once_and_cannot_be_written_to() -> None:
    pixels = framed(samples.sample_image("cat"), SMALL)
    assert framed(samples.sample_image("cat"), SMALL) is pixels
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = 0


def test_a_photo_that_is_gone_is_told_each_time() -> None:
    for _ in range(2):
        with pytest.raises(images.ImageError, match="not on this machine"):
            framed("0" * 64, SMALL)
