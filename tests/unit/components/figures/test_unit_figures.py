"""The explorer's figures: every unit once, true values on hover, hits on top, and a click that says which unit it was."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.figures.unit_classes import median_map, share_map
from components.figures.unit_scatter import (
    MOST_POINTS,
    Statistic,
    UnitNames,
    clicked_place,
    drawn_places,
    logarithmic,
    unit_scatter,
)

NAMES = UnitNames(("L0 · N", "L1 · N", "L2 · N"), (4, 0, 3))


def _array(encoded: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(encoded["bdata"]), {"f4": np.float32, "i4": np.int32}[encoded["dtype"]])


def _scatter(values: list[float], hits: list[int], **more: Any) -> dict[str, Any]:
    column = np.array(values, np.float32)
    return unit_scatter(Statistic("a", column), Statistic("b", -column), NAMES, np.array(hits, int), "light", **more)


def test_every_unit_with_both_statistics_is_drawn_once_and_hits_again_in_the_accent() -> None:
    figure = _scatter([1, 2, np.nan, 4, 5, 6, 7], [6, 1])
    grey, strong = figure["data"][:3], figure["data"][3:]
    assert [_array(trace["x"]).tolist() for trace in grey] == [[1, 2, 4], [], [5, 6, 7]]
    assert [_array(trace["x"]).tolist() for trace in strong] == [[2], [], [7]]
    assert strong[0]["marker"]["color"] != grey[0]["marker"]["color"]


@given(place=st.integers(0, 6), hit=st.booleans())
def test_a_click_on_a_point_says_which_unit_it_was(place: int, hit: bool) -> None:
    figure = _scatter([float(value) for value in range(7)], [place])
    found = [
        clicked_place(number, int(index), NAMES)
        for number, trace in enumerate(figure["data"])
        for index, x in zip(_array(trace["customdata"]), _array(trace["x"]), strict=True)
        if x == place and (number >= 3) == hit
    ]
    assert found == [place]


@pytest.mark.parametrize(("trace", "data"), [(6, 0), (-1, 0), (0, 4), (1, 0), (0, None), (0, "1")])
def test_a_click_on_no_unit_says_so(trace: int, data: object) -> None:
    assert clicked_place(trace, data, NAMES) is None


def test_beyond_the_limit_a_fixed_part_is_drawn_and_the_hits_whole() -> None:
    many = np.arange(3 * MOST_POINTS, dtype=np.float32)
    shown = drawn_places(many, many)
    assert len(shown) == MOST_POINTS == len(np.unique(shown))
    assert np.array_equal(shown, drawn_places(many, many))
    missing = int(np.setdiff1d(np.arange(len(many)), shown)[0])
    names = UnitNames(("a",), (len(many),))
    figure = unit_scatter(Statistic("x", many), Statistic("y", many), names, np.array([missing]), "dark")
    assert _array(figure["data"][1]["x"]).tolist() == [missing]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1, 10, 1000], True), ([1, 2, 3], False), ([-1, 10, 1000], False), ([0] * 50 + [1000], False), ([], False)],
)
def test_an_axis_is_logarithmic_where_values_are_positive_and_spread(values: list[float], expected: bool) -> None:
    assert logarithmic(np.array(values, np.float32)) is expected


def test_the_named_point_stands_at_its_logarithm_on_a_logarithmic_axis() -> None:
    figure = unit_scatter(
        Statistic("a", np.logspace(0, 6, 7)), Statistic("b", np.arange(7.0)), NAMES, np.array([3]), "light", named=3
    )
    (name,) = figure["layout"]["annotations"]
    assert name["x"] == pytest.approx(3)
    assert name["y"] == 3
    assert name["text"] == "L0 · N3"


def test_shares_are_told_true_and_coloured_by_their_square_root() -> None:
    figure = share_map(["one", "<b>"], ["mlp.0", "mlp.1"], np.array([[4, 1], [0, 16]]), np.array([16, 16]), "light")
    (trace,) = figure["data"]
    assert trace["z"] == [[0.5, 0.25], [0.0, 1.0]]
    assert trace["hovertext"][0][1].startswith("<b>6.2 %</b> of mlp.1, 1 of 16")
    assert "&lt;b&gt;" in trace["hovertext"][1][0]
    assert figure["layout"]["yaxis"]["ticktext"] == ["one", "&lt;b&gt;"]


@pytest.mark.parametrize(
    ("chosen", "box"),
    [
        (("two", "c"), (1.5, 2.5, 0.5, 1.5)),
        (("two", ""), (-0.5, 2.5, 0.5, 1.5)),
        (("", "a"), (-0.5, 0.5, -0.5, 1.5)),
        (("three", "a"), None),
        (("", ""), None),
        (None, None),
    ],
)
def test_what_is_chosen_is_framed(chosen: tuple[str, str] | None, box: tuple[float, ...] | None) -> None:
    figure = share_map(["one", "two"], ["a", "b", "c"], np.ones((2, 3), int), np.ones(3, int), "dark", chosen)
    found = [tuple(shape[side] for side in ("x0", "x1", "y0", "y1")) for shape in figure["layout"]["shapes"]]
    assert found == ([box] if box else [])


def test_medians_have_a_scale_a_row_and_missing_ones_stay_clear() -> None:
    figure = median_map(["rate", "mean"], ["a", "b", "c"], np.array([[1.0, 2.0, 3.0], [5.0, 5.0, np.nan]]), "light")
    assert figure["data"][0]["z"] == [[0.0, 0.5, 1.0], [0.0, 0.0, None]]
