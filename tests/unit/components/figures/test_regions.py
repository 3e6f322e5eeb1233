"""Drawn regions: boxes and strokes in pixels of the frame, whichever way they were drawn."""

from __future__ import annotations

import numpy as np
import pytest

from backend.methods.question import Box, Stroke
from components.figures.regions import drawn_shapes, outlined, photo_with_region

FRAME = np.zeros((224, 224, 3), np.uint8)


def test_a_box_is_the_same_from_whichever_corner_it_was_drawn() -> None:
    shape = {"type": "rect", "x0": 100.04, "x1": 20, "y0": 10, "y1": 90.5}
    turned = {"type": "rect", "x0": 20, "x1": 100.04, "y0": 90.5, "y1": 10}
    assert drawn_shapes([shape]) == drawn_shapes([turned]) == (Box(20, 10, 100, 90.5),)


def test_a_click_without_a_drag_is_no_box() -> None:
    assert drawn_shapes([{"type": "rect", "x0": 5, "x1": 5.2, "y0": 5, "y1": 5}]) == ()


def test_a_path_becomes_a_stroke_with_the_width_of_its_brush() -> None:
    path = "M10.25,20.5L-3.5,1e-7L30,40.125"
    assert drawn_shapes([{"type": "path", "path": path, "width": 24}]) == (Stroke(((10.2, 20.5), (-3.5, 0.0), (30.0, 40.1)), 24),)


def test_a_long_stroke_is_thinned_and_keeps_its_ends() -> None:
    path = "M" + "L".join(f"{x},{2 * x}" for x in range(1000))
    (stroke,) = drawn_shapes([{"type": "path", "path": path, "width": 8}])
    assert isinstance(stroke, Stroke)
    assert len(stroke.points) <= 201
    assert stroke.points[0] == (0, 0)
    assert stroke.points[-1] == (999, 1998)


def test_an_empty_path_is_no_stroke() -> None:
    assert drawn_shapes([{"type": "path", "path": "", "width": 8}]) == ()


@pytest.mark.parametrize(("tool", "mode", "name"), [("box", "drawrect", ""), ("brush", "drawopenpath", "24")])
def test_the_tool_decides_what_a_drag_draws(tool: str, mode: str, name: str) -> None:
    layout = photo_with_region(FRAME, "light", tool=tool, brush=24)["layout"]  # type: ignore[arg-type]
    assert layout["dragmode"] == mode
    assert layout["newshape"]["name"] == name


def test_a_region_given_before_is_drawn_again() -> None:
    region = (Box(1, 2, 30, 40), Stroke(((5, 6), (7, 8)), 12))
    box, stroke = photo_with_region(FRAME, "light", region=region)["layout"]["shapes"]
    assert (box["x0"], box["y1"]) == (1, 40)
    assert stroke["path"] == "M5,6L7,8"
    assert drawn_shapes([{**box}, {**stroke, "width": float(stroke["name"])}]) == region


def test_clearing_is_a_new_revision() -> None:
    one, other = (photo_with_region(FRAME, "light", revision=text)["layout"]["editrevision"] for text in "ab")
    assert one != other


@pytest.mark.parametrize("channels", [1, 3])
def test_a_region_of_a_shown_photo_keeps_its_colours_and_the_rest_is_dimmed(channels: int) -> None:
    frame = np.full((8, 8, channels), 200, np.uint8)
    region = np.zeros((8, 8), bool)
    region[2:5, 3:6] = True
    shown = outlined(frame, region)
    assert shown.shape == (8, 8, 3)
    assert (shown[region] == 200).all()
    assert (shown[~region] < 150).all()


def test_the_line_around_a_region_is_white_on_a_large_photo_and_missing_on_a_small_one() -> None:
    region = np.zeros((80, 80), bool)
    region[20:60, 20:60] = True
    large = outlined(np.zeros((80, 80, 3), np.uint8), region)
    assert (large[20, 20:60] == 255).all()
    assert (large[21:59, 21:59] == 0).all()
    assert outlined(np.zeros((30, 30, 3), np.uint8), region[:30, :30]).max() < 255
