"""Prediction bars: the target alone wears the accent, numbers stand outside, a click carries the class."""

from __future__ import annotations

import pytest

from components.figures.bars import prediction_bars
from components.palette import PALETTES

ROWS = (("Egyptian cat", "tiger cat", "tabby"), (0.36, 0.34, 0.17), (8.9, 8.8, 8.1))


def test_only_the_target_is_in_the_accent() -> None:
    colours = prediction_bars(*ROWS, target=1, theme="light")["data"][0]["marker"]["color"]
    palette = PALETTES["light"]
    assert colours == [palette.band, palette.accent, palette.band]


def test_numbers_stand_outside_of_the_bars() -> None:
    trace = prediction_bars(*ROWS, target=0, theme="dark")["data"][0]
    assert trace["text"][0] == "0.36  logit 8.9"
    assert trace["textposition"] == "outside"


def test_a_click_carries_the_class_index() -> None:
    trace = prediction_bars(*ROWS, target=0, theme="light", classes=(285, 282, 281))["data"][0]
    assert trace["customdata"] == [285, 282, 281]


def test_labels_are_text_and_never_markup() -> None:
    figure = prediction_bars(("<b>x</b> & co", "b" * 60), (0.5, 0.5), (1, 1), target=0, theme="light")
    names = figure["layout"]["yaxis"]["ticktext"]
    assert names[0] == "&lt;b&gt;x&lt;/b&gt; &amp; co"
    assert names[1] == "b" * 19 + "…"
    assert "<b>x" not in figure["data"][0]["hovertext"][0]


def test_rows_of_different_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        prediction_bars(("one", "two"), (0.5,), (1.0, 2.0), target=0, theme="light")
