"""The density: every count is told, bands are marked where they are, empty bins and tails do not break the scale."""

from __future__ import annotations

import json

import numpy as np
import pytest

from components.figures.density import density
from components.palette import PALETTES

COUNTS = np.array([4, 0, 1000, 20, 3], dtype=np.uint32)
QUANTILES = {0.5: 0.1, 0.99: 1.2, 0.998: 2.1}


def test_bars_hold_the_counts_at_the_middle_of_their_bins() -> None:
    (bars,) = density(COUNTS, -1.0, 4.0, QUANTILES, "light")["data"]
    assert bars["y"] == [4, None, 1000, 20, 3]
    assert bars["x"] == pytest.approx([-0.5, 0.5, 1.5, 2.5, 3.5])


def test_bands_are_told_by_colour_and_by_line() -> None:
    figure = density(COUNTS, -1.0, 4.0, QUANTILES, "light")
    palette = PALETTES["light"]
    assert figure["data"][0]["marker"]["color"] == [palette.band, palette.band, palette.counts[1], palette.accent, palette.accent]
    assert [shape["x0"] for shape in figure["layout"]["shapes"]] == [1.2, 2.1]
    assert [name["text"] for name in figure["layout"]["annotations"]] == ["99 %", "99.8 %"]


def test_the_last_bar_is_of_the_strongest_band_where_the_tail_lies_in_it() -> None:
    colours = density(COUNTS, -1.0, 4.0, {0.99: 9.0, 0.998: 50.0}, "light")["data"][0]["marker"]["color"]
    assert colours == [PALETTES["light"].band] * 4 + [PALETTES["light"].accent]


def test_without_quantiles_there_is_one_colour_and_no_line() -> None:
    figure = density(COUNTS, -1.0, 4.0, {}, "dark")
    assert set(figure["data"][0]["marker"]["color"]) == {PALETTES["dark"].accent}
    assert not figure["layout"]["shapes"]


def test_a_quantile_in_the_tail_is_marked_at_the_edge() -> None:
    figure = density(COUNTS, -1.0, 4.0, {0.99: 3.9, 0.998: 50.0}, "light")
    assert [shape["x0"] for shape in figure["layout"]["shapes"]] == [3.9, 4.0]
    assert [name["xanchor"] for name in figure["layout"]["annotations"]] == ["right", "left"]


def test_the_outer_bins_say_that_they_hold_the_tails() -> None:
    texts = density(COUNTS, -1.0, 4.0, {}, "light", of="tokens")["data"][0]["hovertext"]
    assert texts[0] == "<b>4</b> tokens<br>−1 to 0 and less"
    assert texts[2] == "<b>1,000</b> tokens<br>1 to 2"
    assert texts[-1].endswith("3 to 4 and more")


@pytest.mark.parametrize("counts", [np.zeros(64, dtype=np.uint32), np.array([0, 1]), np.full(3, 2**32 - 1, dtype=np.uint32)])
def test_any_counts_make_a_figure_that_json_can_carry(counts: np.ndarray) -> None:
    json.dumps(density(counts, 0.0, 1.0, QUANTILES, "light"), allow_nan=False)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (float("nan"), 1.0)])
def test_edges_out_of_order_are_an_error(low: float, high: float) -> None:
    with pytest.raises(ValueError, match=f"from {low} to {high}"):
        density(COUNTS, low, high, {}, "light")
