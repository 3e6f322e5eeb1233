"""How a map is drawn: cells that keep sums or means, ranks, and scales shared by maps that measure the same."""

from __future__ import annotations

import json

import numpy as np
import pytest

from components.figures.cells import drawn_cells, scale_ends, scale_of
from components.figures.maps import saliency_map
from tests.unit.map_by_hand import map_by_hand

FINE = np.random.default_rng(0).normal(size=(3, 224, 224))


@pytest.mark.parametrize("grain", [1, 4, 8, 16])
def test_shares_of_a_logit_are_summed_so_that_the_cells_add_up_to_the_map(grain: int) -> None:
    drawn = drawn_cells(map_by_hand(FINE), grain)
    assert drawn.cells.shape == (224 // grain, 224 // grain)
    assert drawn.cells.sum(dtype=np.float64) == pytest.approx(FINE.sum(), abs=1e-2)
    assert drawn.unit == "logit per cell"
    assert drawn.cell == grain


@pytest.mark.parametrize("grain", [1, 4, 8, 16])
def test_effects_are_averaged_at_the_edge_too(grain: int) -> None:
    drawn = drawn_cells(map_by_hand(np.full((1, 100, 70), 0.25), additive=False), grain)
    assert np.allclose(drawn.cells, 0.25)
    assert "mean of the cell" in drawn.unit


def test_a_coarse_map_keeps_its_own_cells() -> None:
    own = np.arange(49).reshape(7, 7)
    drawn = drawn_cells(map_by_hand(np.zeros((1, 224, 224)), cells=own), 1)
    assert (drawn.cells == own).all()
    assert drawn.cell is None


def test_a_small_frame_is_drawn_pixel_by_pixel() -> None:
    drawn = drawn_cells(map_by_hand(np.ones((1, 8, 8))), 16)
    assert drawn.cells.shape == (8, 8)


def test_ranks_lie_between_minus_one_and_one_in_the_maps_order() -> None:
    plain, ranks = (drawn_cells(map_by_hand(FINE), ranks=on).cells for on in (False, True))
    assert np.abs(ranks).max() <= 1
    assert (np.sign(ranks) == np.sign(plain)).all()
    assert (np.argsort(np.abs(ranks), axis=None) == np.argsort(np.abs(plain), axis=None)).all()


def test_maps_that_measure_the_same_share_a_scale_and_others_have_their_own() -> None:
    weak, strong = map_by_hand(FINE), map_by_hand(10 * FINE)
    chance = map_by_hand(FINE[:1], unit="probability", additive=False)
    ends = scale_ends([weak, strong, chance])
    assert scale_of(weak) == scale_of(strong) != scale_of(chance)
    assert ends[scale_of(weak)] > 5 * scale_ends([weak])[scale_of(weak)]
    assert ends[scale_of(chance)] == scale_ends([chance])[scale_of(chance)]


def test_ranks_of_any_two_maps_share_one_scale() -> None:
    assert scale_ends([map_by_hand(FINE), map_by_hand(FINE, unit="probability")], ranks=True) == {"rank": 1.0}


@pytest.mark.parametrize("attribution", [np.zeros((1, 224, 224)), np.full((1, 224, 224), np.nan), np.full((1, 8, 8), np.inf)])
@pytest.mark.parametrize("ranks", [False, True])
def test_a_blank_map_is_a_figure_a_browser_can_read(attribution: np.ndarray, ranks: bool) -> None:
    value = map_by_hand(attribution)
    drawn = drawn_cells(value, ranks=ranks)
    end = scale_ends([value], ranks=ranks)[scale_of(value, ranks=ranks)]
    frame = np.zeros((*attribution.shape[1:], 3), dtype=np.uint8)
    figure = saliency_map(drawn.cells, frame, limit=end, unit=drawn.unit, theme="light", cell=drawn.cell)
    json.dumps(figure, allow_nan=False, default=str)
