"""The lens and attention as figures: values where they belong, words that cannot be markup, frames on what is chosen."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from backend.evidence.finding import Finding
from backend.evidence.token_orders import LATEST, RANDOM
from backend.methods.steps import PassCount
from components.figures.attention import HOVERED_TOKENS, head_map, heads_overview, overview_height
from components.figures.curves import TOKENS, curves
from components.figures.lens import WORDED_COLUMNS, lens_height, lens_map

TOKENS_SHOWN = ["The", "<b>x</b>", "·is"]


def read(values: dict[str, str]) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return flat.reshape([int(size) for size in values["shape"].split(",")])


def a_lens(measure: Any = "probability", columns: int = 3, **more: Any) -> dict[str, Any]:
    values = np.arange(4 * columns, dtype=np.float32).reshape(4, columns) / (4 * columns)
    if measure == "rank":
        values = 10.0 ** np.arange(4 * columns, dtype=np.float32).reshape(4, columns)
    tokens = (TOKENS_SHOWN * columns)[:columns]
    words = [["<i>"] * columns for _ in range(4)]
    hover = [["one\n<b>two</b>"] * columns for _ in range(4)]
    return lens_map(values, words, hover, tokens, measure, "light", **more)


def test_a_cell_holds_its_value_and_its_word_and_nothing_is_markup() -> None:
    trace = a_lens()["data"][0]
    assert read(trace["z"])[2, 1] == pytest.approx(7 / 12)
    assert trace["text"][0][0] == "&lt;i&gt;"
    assert trace["hovertext"][0][0] == "one<br>&lt;b&gt;two&lt;/b&gt;"
    assert "<b>x" not in str(a_lens()["layout"])


def test_small_is_dark_where_small_is_near_and_ranks_are_logarithms() -> None:
    assert a_lens("probability")["data"][0]["reversescale"] is False
    assert a_lens("divergence")["data"][0]["reversescale"] is True
    ranks = a_lens("rank", columns=2)["data"][0]
    assert read(ranks["z"]).ravel().tolist() == pytest.approx(list(range(8)))
    assert ranks["colorbar"]["ticktext"][-1] == "10,000,000"


def test_places_count_from_the_first_token_shown_and_the_chosen_one_is_framed() -> None:
    figure = a_lens(first=40, chosen=41)
    assert figure["data"][0]["x"] == [40, 41, 42]
    assert [figure["layout"]["shapes"][0][edge] for edge in ("x0", "x1")] == [40.5, 41.5]
    assert not a_lens(first=40, chosen=2)["layout"]["shapes"]


def test_many_columns_have_no_words_and_unread_layers_are_empty() -> None:
    assert "text" not in a_lens(columns=WORDED_COLUMNS + 1)["data"][0]
    unread = np.full((4, 3), np.nan, dtype=np.float32)
    unread[3] = 0.5
    trace = lens_map(unread, [[""] * 3] * 4, [[""] * 3] * 4, TOKENS_SHOWN, "divergence", "dark")["data"][0]
    assert np.isnan(read(trace["z"])[:3]).all()
    assert trace["zmax"] == 1.0
    assert lens_height(31) > lens_height(4) > 0


def test_the_overview_frames_the_chosen_head() -> None:
    values = np.random.default_rng(0).random((30, 9)).astype(np.float32)
    figure = heads_overview(values, "mean weight", "light", (12, 5))
    assert np.array_equal(read(figure["data"][0]["z"]), values)
    shape = figure["layout"]["shapes"][0]
    assert (shape["x0"], shape["x1"], shape["y0"], shape["y1"]) == (4.5, 5.5, 11.5, 12.5)
    assert overview_height(30) > overview_height(3)


def test_a_heads_map_leaves_the_future_empty_and_names_pairs() -> None:
    weights = np.full((3, 3), 0.25, dtype=np.float32)
    figure = head_map(weights, TOKENS_SHOWN, "of the weight", "dark", 1)
    z = read(figure["data"][0]["z"])
    assert np.isnan(z[np.triu_indices(3, 1)]).all()
    assert (z[np.tril_indices(3)] == 0.25).all()
    assert figure["data"][0]["hovertext"][1][0] == "&lt;b&gt;x&lt;/b&gt; reads The"
    assert figure["layout"]["shapes"][0]["y0"] == 0.5


def test_a_long_prompt_sends_no_hover_text() -> None:
    count = HOVERED_TOKENS + 1
    figure = head_map(np.zeros((count, count), np.float32), ["w"] * count, "of the weight", "light")
    assert "hovertext" not in figure["data"][0]
    assert figure["data"][0]["zmax"] == 1.0  # all zero: no scale of length zero


def test_curves_of_log_probabilities_lie_below_zero_over_their_own_band() -> None:
    own = np.array([-9, -4, -1], np.float32)
    drawn = {
        "insertion": own, f"insertion/{RANDOM}": np.stack([own - 1, own - 2]), f"insertion/{LATEST}": own - 3,
    }  # fmt: skip
    figure = curves(
        {"A map": [Finding("token_deletion", (), "", PassCount(), 0.0, drawn)]}, "insertion", "light", controls=TOKENS
    )
    assert len(figure["data"]) == 4  # two edges of the band, the thin line, the map
    low, high = figure["layout"]["yaxis"]["range"]
    assert low < -9
    assert high >= 0
    assert figure["layout"]["xaxis"]["title"]["text"] == "% of tokens kept"
    assert low <= figure["layout"]["annotations"][0]["y"] <= high
