"""The figures of a drawn picture and of familiarity: what they show, and that hostile or empty values break nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from components.figures.drawing import ascent_curve, drawn_picture
from components.figures.familiarity import BINS, familiarity
from components.palette import PALETTES, Theme


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_stands_upright_on_its_own_pixels_in_grey_and_in_colour(theme: Theme) -> None:
    for channels in (1, 3):
        figure = drawn_picture(np.zeros((8, 12, channels), np.uint8), theme)
        assert figure["layout"]["yaxis"]["range"] == [8, 0]
        assert figure["layout"]["images"][0]["sizex"] == 12
        assert figure["layout"]["images"][0]["source"].startswith("data:image/jpeg")
        json.dumps(figure, allow_nan=False)


def test_the_curve_holds_its_controls_apart_and_the_best_step_marked() -> None:
    curve = np.linspace(0, 5, 20, dtype=np.float32)
    figure = ascent_curve(curve, 20, 64, {"noise": 0.1, "unit 3’s": 0.11, "photos": float("nan")}, "light")
    assert figure["layout"]["xaxis"]["range"] == [0, 64]
    assert (figure["data"][1]["x"], figure["data"][1]["y"]) == ([20], [5.0])
    names = figure["layout"]["annotations"]
    assert [name["text"] for name in names] == ["noise 0.1", "unit 3’s 0.11"]  # what is not known is no line
    low, high = figure["layout"]["yaxis"]["range"]
    assert names[1]["y"] - names[0]["y"] > 0.1 * (high - low)
    assert len({line["line"]["dash"] for line in figure["layout"]["shapes"]}) == 2
    assert {line["line"]["color"] for line in figure["layout"]["shapes"]} == {PALETTES["light"].muted}


def test_a_curve_before_its_first_step_and_a_hostile_name_can_be_drawn() -> None:
    figure = ascent_curve(np.zeros(0, np.float32), 0, 16, {"<b>x</b>": 1.0}, "dark")
    json.dumps(figure, allow_nan=False)
    assert figure["layout"]["annotations"][0]["text"] == "&lt;b&gt;x&lt;/b&gt; 1"


def test_familiarity_counts_every_held_out_sample_and_reaches_to_a_score_outside_of_them() -> None:
    held_out = np.random.default_rng(0).uniform(0.7, 0.9, 200).astype(np.float32)
    figure = familiarity(held_out, 0.31, "light")
    assert sum(figure["data"][0]["y"]) == 200
    json.dumps(figure, allow_nan=False)  # a NumPy number inside would reach the browser as text
    assert len(figure["data"][0]["x"]) == BINS
    assert figure["layout"]["shapes"][0]["x0"] == 0.31
    low, high = figure["layout"]["xaxis"]["range"]
    assert low < 0.31 < 0.9 < high + 1e-6
    assert figure["layout"]["annotations"][0]["xanchor"] == "left"
    one = familiarity(np.full(5, 0.5, np.float32), 0.5, "dark")
    assert sum(one["data"][0]["y"]) == 5
