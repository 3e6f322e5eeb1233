"""Regions in links: what is drawn comes back, and nonsense is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.methods.params import ParameterError
from backend.methods.question import Box, RegionEdit, Stroke
from pages.saliency.region_text import read_region, write_region

DRAWN = st.integers(-500, 22_400).map(lambda tenth: tenth / 10)  # what drawn_shapes gives: one decimal
SHAPES = st.builds(Box, DRAWN, DRAWN, DRAWN, DRAWN) | st.builds(
    Stroke, st.lists(st.tuples(DRAWN, DRAWN), min_size=1, max_size=20).map(tuple), DRAWN
)
EDITS = st.builds(RegionEdit, st.lists(SHAPES, max_size=8).map(tuple), st.sampled_from(["blur", "grey", "noise"]), st.booleans())


@given(EDITS)
def test_a_drawn_region_comes_back(edit: RegionEdit) -> None:
    assert read_region(write_region(edit)) == edit


@given(st.floats(0, 2048), st.floats(0, 2048))
def test_a_finer_region_is_rounded_once(x: float, y: float) -> None:
    once = read_region(write_region(RegionEdit((Box(x, y, x + 1, y + 1),))))
    assert read_region(write_region(once)) == once
    assert once.shapes[0].left == pytest.approx(x, rel=1e-5)


@given(EDITS)
def test_a_written_region_needs_no_escaping_in_an_address(edit: RegionEdit) -> None:
    assert not set(write_region(edit)) - set("abcdefghijklmnopqrstuvwxyz0123456789~_.-")


@pytest.mark.parametrize("text", ["", "blur", "blur~maybe", "paint~erase~b0_0_1_1", "~~~", "blur~erase"[::-1]])
def test_what_is_no_region_is_named(text: str) -> None:
    with pytest.raises(ParameterError, match="is not one"):
        read_region(text)


@pytest.mark.parametrize("part", ["b1_2_3", "b1_2_3_4_5", "s5", "s5_1", "s5_1_2_3", "q1_2_3_4", "bone_two_3_4", "b", "s", "_"])
def test_a_part_that_is_no_shape_is_named(part: str) -> None:
    with pytest.raises(ParameterError, match=f"{part!r}"):
        read_region(f"blur~erase~{part}")
