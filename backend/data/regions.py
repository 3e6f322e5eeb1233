"""Regions: what a box or a brush covers, and what an erased or kept region leaves of the frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import assert_never

import numpy as np

from backend import limits
from backend.data.baselines import baseline
from backend.methods.question import Box, Fill, RegionEdit, Stroke

# The corner of a pixel is this far from its centre, so a thinner tip would slip between the pixels.
LEAST_TIP = math.sqrt(0.5)


class RegionError(ValueError):
    """A region that cannot be applied; the message names the value and the limit."""


def apply(frame: np.ndarray, edits: Sequence[RegionEdit], seed: int = 0) -> np.ndarray:
    """The frame, uint8 (H, W, C), with the edits made one after the other; a new array.

    A fill is made from the frame before any edit, so erasing two regions does not depend on their order.
    Noise is drawn by seed plus edit index. Raises RegionError for a region that is empty, not finite or too long.
    """
    if len(edits) > limits.REGION_EDITS:
        raise RegionError(f"There are {len(edits)} edits; the limit is {limits.REGION_EDITS}. Undo some.")
    height, width, _ = frame.shape
    edited = frame.copy()
    for index, edit in enumerate(edits):
        region = mask(edit.shapes, height, width)  # (H, W)
        covered = ~region if edit.keep else region
        edited[covered] = _filled(frame, edit.fill, seed + index)[covered]
    return edited


def mask(shapes: Sequence[Box | Stroke], height: int, width: int) -> np.ndarray:
    """The pixels whose centres the shapes cover, bool (height, width). Raises RegionError where that is none of them."""
    if len(shapes) > limits.SHAPES_IN_REGION:
        raise RegionError(f"The region has {len(shapes)} shapes; the limit is {limits.SHAPES_IN_REGION}. Draw fewer.")
    points = sum(len(shape.points) for shape in shapes if isinstance(shape, Stroke))
    if points > limits.POINTS_IN_REGION:
        raise RegionError(f"The region has {points:,} points; the limit is {limits.POINTS_IN_REGION:,}. Draw less, or use a box.")
    covered = np.zeros((height, width), dtype=bool)
    for shape in shapes:
        match shape:
            case Box():
                _draw_box(covered, shape)
            case Stroke():
                _draw_stroke(covered, shape)
            case _:
                assert_never(shape)
    if not covered.any():
        raise RegionError(f"The region covers no pixel of the {width} × {height} frame. Draw inside the picture.")
    return covered


def _draw_box(covered: np.ndarray, box: Box) -> None:
    height, width = covered.shape
    left, right = (_first_centre(x, width) for x in (box.left, box.right))
    top, bottom = (_first_centre(y, height) for y in (box.top, box.bottom))
    covered[top:bottom, left:right] = True


def _first_centre(edge: float, length: int) -> int:
    """The first pixel whose centre lies on or after the edge, within the frame."""
    return math.ceil(_within(edge, 0, length) - 0.5)


def _draw_stroke(covered: np.ndarray, stroke: Stroke) -> None:
    if not stroke.points:
        raise RegionError("A stroke has no points; it needs at least 1. Draw it anew.")
    height, width = covered.shape
    radius = _within(stroke.width / 2, LEAST_TIP, math.hypot(height, width))
    far = 4 * max(height, width)  # a stroke may leave the frame and come back; how far out it went is nobody's business
    points = [(_within(x, -far, far), _within(y, -far, far)) for x, y in stroke.points]
    for start, end in zip(points, points[1:] or points, strict=False):
        _draw_segment(covered, start, end, radius)


def _draw_segment(covered: np.ndarray, start: tuple[float, float], end: tuple[float, float], radius: float) -> None:
    """Cover the centres within `radius` of the segment: a straight stretch with round ends."""
    height, width = covered.shape
    left, right = (int(_within(x, 0, width)) for x in (min(start[0], end[0]) - radius, max(start[0], end[0]) + radius + 1))
    top, bottom = (int(_within(y, 0, height)) for y in (min(start[1], end[1]) - radius, max(start[1], end[1]) + radius + 1))
    x = np.arange(left, right) + 0.5 - start[0]  # (w,)
    y = np.arange(top, bottom)[:, None] + 0.5 - start[1]  # (h, 1)
    along = (end[0] - start[0], end[1] - start[1])
    square = along[0] ** 2 + along[1] ** 2
    share = np.clip((x * along[0] + y * along[1]) / square, 0, 1) if square else 0.0  # (h, w)
    distance = (x - share * along[0]) ** 2 + (y - share * along[1]) ** 2
    covered[top:bottom, left:right] |= distance <= radius**2


def _filled(frame: np.ndarray, fill: Fill, seed: int) -> np.ndarray:
    """What a region is replaced by, over the whole frame, uint8 (H, W, C)."""
    return np.rint(baseline(frame, fill, seed)).astype(np.uint8)


def _within(value: float, low: float, high: float) -> float:
    if not math.isfinite(value):
        raise RegionError(f"The region has a coordinate of {value}; coordinates are pixels of the frame. Draw it anew.")
    return min(max(value, low), high)
