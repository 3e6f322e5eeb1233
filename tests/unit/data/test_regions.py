"""Regions: which pixels a shape covers, what the fills leave, and what is refused."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from backend import limits
from backend.data.regions import RegionError, apply, mask
from backend.methods.question import Box, RegionEdit, Stroke


@pytest.fixture
def frame() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def test_a_box_covers_its_pixels_right_and_bottom_excluded() -> None:
    covered = mask([Box(10, 5, 20, 15)], 40, 60)
    expected = np.zeros((40, 60), bool)
    expected[5:15, 10:20] = True
    np.testing.assert_array_equal(covered, expected)


def test_two_boxes_that_share_an_edge_share_no_pixel() -> None:
    left, right = (mask([box], 40, 60) for box in (Box(0, 0, 17.3, 40), Box(17.3, 0, 60, 40)))
    assert not (left & right).any()
    assert (left | right).all()


def test_a_box_beyond_the_frame_is_cut_at_its_edge() -> None:
    assert mask([Box(-1e9, -5, 1e9, 500)], 40, 60).all()


def test_a_stroke_is_a_line_with_round_ends() -> None:
    covered = mask([Stroke(((20, 20), (40, 20)), 10)], 40, 60)
    assert covered.sum() == pytest.approx(20 * 10 + math.pi * 25, rel=0.03)
    assert covered[20, 15]
    assert not covered[15, 15]
    np.testing.assert_array_equal(covered, covered[::-1])


def test_one_point_of_a_stroke_is_a_disc() -> None:
    assert mask([Stroke(((30, 20),), 20)], 40, 60).sum() == pytest.approx(math.pi * 100, rel=0.02)


def test_the_thinnest_stroke_slips_between_no_pixels() -> None:
    covered = mask([Stroke(((3, 3), (30, 17)), 0)], 40, 60)
    assert covered[:, 3:30].any(axis=0).all()


def test_a_bend_has_a_round_joint() -> None:
    covered = mask([Stroke(((10, 30), (30, 30), (30, 10)), 12)], 40, 60)
    assert covered[33, 33]
    assert not covered[35, 35]


def test_a_stroke_may_leave_the_frame_and_come_back() -> None:
    covered = mask([Stroke(((-30, 20), (90, 20)), 6)], 40, 60)
    np.testing.assert_array_equal(covered.sum(axis=0), 6)


def test_grey_erases_the_region_and_nothing_else(frame: np.ndarray) -> None:
    edited = apply(frame, (RegionEdit((Box(10, 5, 20, 15),), "grey"),))
    region = mask([Box(10, 5, 20, 15)], 40, 60)
    assert (edited[region] == 127).all()
    np.testing.assert_array_equal(edited[~region], frame[~region])


def test_keep_erases_everything_but_the_region(frame: np.ndarray) -> None:
    edited = apply(frame, (RegionEdit((Box(10, 5, 20, 15),), "grey", keep=True),))
    region = mask([Box(10, 5, 20, 15)], 40, 60)
    assert (edited[~region] == 127).all()
    np.testing.assert_array_equal(edited[region], frame[region])


@pytest.mark.parametrize(("height", "channels"), [(224, 3), (8, 1)])
def test_blur_removes_detail_and_keeps_the_mean(height: int, channels: int) -> None:
    frame = np.random.default_rng(1).integers(0, 256, (height, height, channels), dtype=np.uint8)
    edited = apply(frame, (RegionEdit((Box(0, 0, height, height),), "blur"),))
    assert edited.shape == frame.shape
    assert edited.std() < 0.4 * frame.std()
    assert edited.mean() == pytest.approx(frame.mean(), rel=0.1)


def test_noise_follows_the_seed(frame: np.ndarray) -> None:
    edit = (RegionEdit((Box(0, 0, 60, 40),), "noise"),)
    np.testing.assert_array_equal(apply(frame, edit, 3), apply(frame, edit, 3))
    assert (apply(frame, edit, 3) != apply(frame, edit, 4)).mean() > 0.9


def test_two_erasures_do_not_depend_on_their_order(frame: np.ndarray) -> None:
    first, second = RegionEdit((Box(5, 5, 20, 20),), "blur"), RegionEdit((Box(15, 15, 50, 35),), "blur")
    np.testing.assert_array_equal(apply(frame, (first, second)), apply(frame, (second, first)))


def test_the_frame_itself_stays(frame: np.ndarray) -> None:
    before = frame.copy()
    edited = apply(frame, (RegionEdit((Box(0, 0, 9, 9),), "grey"),))
    np.testing.assert_array_equal(frame, before)
    assert not np.shares_memory(edited, frame)
    np.testing.assert_array_equal(apply(frame, ()), frame)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ((), "covers no pixel of the 60 × 40 frame"),
        ((Box(20, 5, 10, 15),), "covers no pixel"),
        ((Box(100, 100, 200, 200),), "covers no pixel"),
        ((Stroke(((-50, -50), (-20, 90)), 10),), "covers no pixel"),
        ((Stroke(((1e300, 1e300),), 10),), "covers no pixel"),
        ((Box(math.nan, 0, 5, 5),), "a coordinate of nan"),
        ((Box(0, 0, math.inf, 5),), "a coordinate of inf"),
        ((Stroke(((0, 0), (math.inf, 1)), 5),), "a coordinate of inf"),
        ((Stroke(((0, 0),), math.nan),), "a coordinate of nan"),
        ((Stroke((), 5),), "no points; it needs at least 1"),
        ((Stroke(((1, 1),) * 2001, 5),), "2,001 points; the limit is 2,000"),
        ((Box(0, 0, 5, 5),) * 65, "65 shapes; the limit is 64"),
    ],
)
def test_a_region_that_cannot_be_applied_is_refused(shapes: tuple, message: str) -> None:
    with pytest.raises(RegionError, match=message):
        mask(shapes, 40, 60)


def test_too_many_edits_are_refused(frame: np.ndarray) -> None:
    with pytest.raises(RegionError, match="17 edits; the limit is 16"):
        apply(frame, (RegionEdit((Box(0, 0, 5, 5),)),) * 17)


def test_the_longest_region_allowed_takes_less_than_a_second() -> None:
    points = tuple(map(tuple, np.random.default_rng(2).uniform(0, 224, (limits.POINTS_IN_REGION, 2))))
    start = time.process_time()
    mask([Stroke(points, 20)], 224, 224)
    seconds = time.process_time() - start
    print(f"{limits.POINTS_IN_REGION} scattered points: {1e3 * seconds:.0f} ms")
    assert seconds < 1
