"""Figures of a change: what the bars and the curve hold, and that nothing is drawn of what is not measured."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from components.figures.changes import bars_height, change_bars, effect_curve
from components.palette import PALETTES

STRENGTHS = np.array([-1.0, 0.0, 1.0], np.float32)
EFFECT = np.array([0.5, 0.2, 0.0], np.float32)


def numbers(encoded: dict[str, str]) -> np.ndarray:
    """What a typed array holds."""
    return np.frombuffer(base64.b64decode(encoded["bdata"]), np.float32)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_row_has_what_was_and_what_is(theme: str) -> None:
    figure = change_bars(["<b>cat</b>", "dog"], [0.6, 0.1], [0.2, 0.55], theme)
    was, now = figure["data"]
    assert was["x"] == [0.6, 0.1]
    assert now["x"] == [0.2, 0.55]
    assert now["text"] == ["0.20  was 0.60", "0.55  was 0.10"]
    assert now["marker"]["color"] == PALETTES[theme].accent
    assert figure["layout"]["yaxis"]["ticktext"][0] == "&lt;b&gt;cat&lt;/b&gt;"
    assert figure["layout"]["xaxis"]["range"][1] == 0.6
    with pytest.raises(ValueError, match="argument 2"):
        change_bars(["a", "b"], [0.1], [0.2, 0.3], theme)
    assert bars_height(5) > bars_height(2)


def test_the_curve_stands_over_the_range_of_the_controls() -> None:
    controls = np.array([[0.1, 0.3], [0.05, 0.01], [0.0, 0.0]], np.float32)
    figure = effect_curve(STRENGTHS, EFFECT, controls, 0.1, 1.0, "light", "factor")
    low, high, line, mark = figure["data"]
    assert np.allclose(numbers(low["y"]), [0.1, 0.01, 0.0])
    assert np.allclose(numbers(high["y"]), [0.3, 0.05, 0.0])
    assert np.allclose(numbers(line["y"]), EFFECT)
    assert (mark["x"], mark["y"]) == ([0.0], [pytest.approx(0.2)])
    assert figure["layout"]["shapes"][0]["x0"] == 1.0


def test_what_is_not_measured_is_not_drawn() -> None:
    controls = np.full((3, 2), np.nan, np.float32)
    controls[1] = 0.1
    effect = np.array([np.nan, 0.2, np.nan], np.float32)
    figure = effect_curve(STRENGTHS, effect, controls, -1.0, None, "dark", "value")
    assert numbers(figure["data"][0]["x"]).tolist() == [0.0]
    assert figure["data"][-1]["y"] == [None]
    assert figure["layout"]["xaxis"]["range"] == [-1.0, 1.0]  # the axis stands still while points come in
    assert figure["layout"]["shapes"] == []
    assert "NaN" not in json.dumps(figure)
    none = effect_curve(STRENGTHS, EFFECT, np.zeros((3, 0), np.float32), 0.0, 1.0, "light", "factor")
    assert len(none["data"]) == 2
