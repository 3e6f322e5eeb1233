"""Saliency maps: sums keep completeness, ranks keep order and sign, hover tells true values in pixels of the frame."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.figures.frame import Figure
from components.figures.maps import ranked, saliency_map, shared_limit, summed

FRAME = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
HEATMAP = np.random.default_rng(1).normal(size=(224, 224)).astype(np.float32)
SMALL = arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(-8, 8, width=16))


def _decoded(values: Figure) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(values["bdata"]), {"f4": "float32"}[values["dtype"]])
    return flat.reshape([int(side) for side in values["shape"].split(",")])


@pytest.mark.parametrize("grain", [1, 4, 8, 16])
def test_cells_are_sums_over_their_pixels(grain: int) -> None:
    cells = summed(HEATMAP, grain)
    assert cells.shape == (224 // grain, 224 // grain)
    assert cells.dtype == np.float32
    assert cells[1, 2] == pytest.approx(HEATMAP[grain : 2 * grain, 2 * grain : 3 * grain].sum(dtype=np.float64), rel=1e-5)


@settings(max_examples=50, deadline=None)
@given(SMALL, st.integers(1, 12))
def test_sums_keep_the_total_at_every_grain_even_where_the_edge_cuts_cells(heatmap: np.ndarray, grain: int) -> None:
    assert summed(heatmap, grain).sum(dtype=np.float64) == pytest.approx(heatmap.sum(dtype=np.float64), abs=1e-3)


def test_a_cell_is_at_least_a_pixel() -> None:
    with pytest.raises(ValueError, match="0 px"):
        summed(HEATMAP, 0)


@settings(max_examples=50, deadline=None)
@given(SMALL)
def test_ranks_keep_sign_and_order_of_strength(cells: np.ndarray) -> None:
    ranks = ranked(cells)
    assert np.array_equal(np.sign(ranks), np.sign(cells))
    order = np.argsort(np.abs(cells), axis=None, kind="stable")
    strengths = np.where(cells == 0, 0, np.abs(ranks)).ravel()[order]
    assert np.all(np.diff(strengths) >= -1e-6)
    assert np.abs(ranks).max() <= 1


def test_ties_share_their_mean_rank() -> None:
    assert ranked(np.float32([[3, -3, 1, 0]])).tolist() == [[0.875, -0.875, 0.5, 0.0]]


def test_maps_of_one_unit_share_one_limit_and_an_outlier_does_not_set_it() -> None:
    outlier = HEATMAP.copy()
    outlier[0, 0] = 1000
    assert shared_limit(HEATMAP, outlier) < 5
    assert shared_limit(HEATMAP, 2 * HEATMAP) > shared_limit(HEATMAP)
    assert shared_limit(np.zeros((7, 7), np.float32)) == 0
    assert shared_limit(np.eye(40, dtype=np.float32)[:1] * 0 + np.float32([1e-3] + [0] * 39)) > 0


def test_the_map_sends_true_values_on_a_symmetric_scale() -> None:
    cells = summed(HEATMAP, 8)
    figure = saliency_map(cells, FRAME, limit=1.5, unit="logit per cell", theme="light")
    trace = figure["data"][0]
    assert np.array_equal(_decoded(trace["z"]), cells)
    assert (trace["zmin"], trace["zmax"]) == (-1.5, 1.5)
    assert "logit per cell" in trace["hovertemplate"]
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["−1.5", "0", "+1.5"]


def test_hover_places_are_centres_of_cells_in_pixels_of_the_frame() -> None:
    seven = saliency_map(np.ones((7, 7), np.float32), FRAME, limit=1, unit="x", theme="light")["data"][0]
    assert (seven["x0"], seven["dx"]) == (16, 32)
    cut = saliency_map(summed(HEATMAP[:100, :100], 16), None, limit=1, unit="x", theme="light", size=(100, 100), cell=16)
    assert (cut["data"][0]["y0"], cut["data"][0]["dy"]) == (8, 16)
    assert cut["layout"]["yaxis"]["range"] == [100, 0]


def test_zoom_survives_because_the_revision_never_changes() -> None:
    one, other = (saliency_map(HEATMAP * k, FRAME, limit=k, unit="x", theme="light") for k in (1, 2))
    assert one["layout"]["uirevision"] == other["layout"]["uirevision"]


def test_the_views_show_the_map_the_photo_or_both() -> None:
    overlay, alone, photo = (
        saliency_map(HEATMAP, FRAME, limit=1, unit="x", theme="light", view=view, opacity=0.5)
        for view in ("overlay", "map", "photo")
    )
    assert overlay["data"][0]["opacity"] == 0.5
    assert alone["data"][0]["opacity"] == 1.0
    assert photo["data"][0]["opacity"] == 0.0
    assert ["images" in figure["layout"] for figure in (overlay, alone, photo)] == [True, False, True]
    assert photo["layout"]["images"] != overlay["layout"]["images"]


def test_an_empty_map_is_drawn_clear_without_ends_on_its_scale() -> None:
    figure = saliency_map(np.zeros((7, 7), np.float32), FRAME, limit=0.0, unit="x", theme="dark")
    assert figure["data"][0]["zmax"] > 0
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["0"]


def test_a_map_at_the_default_grain_stays_small_on_the_wire() -> None:
    figure = saliency_map(summed(HEATMAP, 8), FRAME, limit=1, unit="x", theme="light")
    without_photo = json.dumps(figure | {"layout": figure["layout"] | {"images": []}})
    assert len(without_photo) < 8_000
    assert len(json.dumps(figure)) < 60_000
