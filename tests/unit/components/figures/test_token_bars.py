"""Signed bars: the sign has a colour, a side and a letter; names stay text."""

from __future__ import annotations

import json

import pytest

from components.figures.token_bars import bars_height, signed_bars
from components.palette import PALETTES, Theme

NAMES, VALUES = ("·Monday", "·its"), (0.412, -0.151)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_raised_is_orange_and_lowered_is_blue(theme: Theme) -> None:
    trace = signed_bars(NAMES, VALUES, theme, "logit")["data"][0]
    palette = PALETTES[theme]
    assert trace["marker"]["color"] == [palette.towards[1], palette.against[1]]
    assert trace["text"] == ["+0.41", "−0.15"]


def test_small_values_keep_a_digit() -> None:
    assert signed_bars(("a",), (-0.004,), "light", "logit")["data"][0]["text"] == ["−0.004"]


def test_nothing_has_no_sign() -> None:
    assert signed_bars(("a",), (-0.0,), "light", "logit")["data"][0]["text"] == ["0"]


def test_names_are_text_and_never_markup() -> None:
    figure = signed_bars(("<b>x</b>", "y" * 60), (1.0, 2.0), "light", "logit")
    assert figure["layout"]["yaxis"]["ticktext"][0] == "&lt;b&gt;x&lt;/b&gt;"
    assert figure["layout"]["yaxis"]["ticktext"][1].endswith("…")
    assert "<b>x" not in figure["data"][0]["hovertext"][0]


def test_a_click_carries_the_identity() -> None:
    assert signed_bars(NAMES, VALUES, "light", "logit", identities=(17, 4))["data"][0]["customdata"] == [17, 4]


@pytest.mark.parametrize("values", [(1.0, 2.0), (-1.0, -2.0), (0.0, 0.0), (1.0, -2.0)])
def test_zero_and_all_bars_are_in_sight_with_room_for_numbers(values: tuple[float, float]) -> None:
    figure = signed_bars(NAMES, values, "light", "logit")
    low, high = figure["layout"]["xaxis"]["range"]
    assert low < min(0.0, *values)
    assert high > max(0.0, *values)
    json.dumps(figure, allow_nan=False)


def test_no_bars_are_a_figure_too() -> None:
    assert signed_bars((), (), "light", "logit")["data"][0]["y"] == []
    assert bars_height(0) == bars_height(1) < bars_height(2)


def test_sequences_of_different_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        signed_bars(NAMES, (1.0,), "light", "logit")
