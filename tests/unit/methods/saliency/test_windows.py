"""Occlusion's windows cover the frame, and a pixel gets the mean of what covers it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backend.methods.saliency.occlusion import covered_mean
from backend.methods.saliency.windows import window_boxes

frames = st.tuples(st.integers(8, 60), st.integers(8, 60), st.integers(1, 8), st.integers(1, 4))


@given(frames)
@settings(max_examples=100, deadline=None)
def test_windows_cover_every_pixel_and_stay_in_the_frame(frame: tuple[int, int, int, int]) -> None:
    height, width, *_ = frame
    boxes = window_boxes(*frame)
    covered = np.zeros((height, width), dtype=int)
    for top, left, bottom, right in boxes:
        assert 0 <= top < bottom <= height
        assert 0 <= left < right <= width
        covered[top:bottom, left:right] += 1
    assert covered.min() >= 1
    assert len({tuple(box) for box in boxes}) == len(boxes)


@pytest.mark.parametrize(("cells", "overlap", "count"), [(7, 1, 49), (7, 2, 169), (14, 1, 196), (3, 4, 100)])
def test_windows_of_a_photo_are_as_many_as_their_sizes_say(cells: int, overlap: int, count: int) -> None:
    assert len(window_boxes(224, 224, cells, overlap)) == count


@given(frames, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_pixel_gets_the_mean_loss_of_the_windows_that_cover_it(frame: tuple[int, int, int, int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    boxes = window_boxes(*frame)
    losses = generator.normal(size=len(boxes))
    found = covered_mean(boxes, losses, frame[0], frame[1])
    row, column = int(generator.integers(frame[0])), int(generator.integers(frame[1]))
    top, left, bottom, right = boxes.T
    covering = losses[(top <= row) & (row < bottom) & (left <= column) & (column < right)]
    assert found[row, column] == pytest.approx(covering.mean(), abs=1e-5)
    assert found.dtype == np.float32


@given(frames, st.floats(-100, 100, width=32))
@settings(max_examples=40, deadline=None)
def test_windows_that_lose_alike_give_a_flat_map(frame: tuple[int, int, int, int], loss: float) -> None:
    boxes = window_boxes(*frame)
    assert np.allclose(covered_mean(boxes, np.full(len(boxes), loss), frame[0], frame[1]), loss, rtol=1e-6)


@given(arrays(np.float64, 5, elements=st.floats(-10, 10)))
def test_what_no_window_covers_yet_is_zero(losses: np.ndarray) -> None:
    boxes = np.array([[0, 0, 2, 2]] * 5)
    found = covered_mean(boxes, losses, 8, 8)
    assert found[:2, :2] == pytest.approx(losses.mean(), abs=1e-5)
    assert not found[2:].any()
    assert not found[:, 2:].any()
