"""Orders of pixels."""

from __future__ import annotations

import numpy as np

from backend.evidence.orders import control_ranks, edge_strength, pixel_random, random_map, ranks, smoothed

VALUES = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)


def test_the_highest_value_comes_first_and_each_place_is_taken_once() -> None:
    places = ranks(VALUES, seed=0)
    assert places[np.unravel_index(VALUES.argmax(), VALUES.shape)] == 0
    assert (np.diff(VALUES.ravel()[np.argsort(places.ravel())]) <= 0).all()
    assert sorted(places.ravel()) == list(range(VALUES.size))


def test_ties_fall_at_random_and_not_from_the_top_left() -> None:
    tied = ranks(np.zeros((40, 40)), seed=0)
    top, bottom = tied[:20].mean(), tied[20:].mean()
    assert abs(top - bottom) < 100
    assert not np.array_equal(tied, ranks(np.zeros((40, 40)), seed=1))


def test_smoothing_scales_with_the_frame_and_keeps_what_is_flat() -> None:
    point = np.zeros((224, 224))
    point[112, 112] = 1
    spread = smoothed(point, 224, 224)
    variance = (spread.sum(axis=1) * (np.arange(224) - 112) ** 2).sum() / spread.sum()
    assert np.isclose(np.sqrt(variance), 4, atol=0.1)
    assert np.allclose(smoothed(np.full((7, 7), 2.5), 56, 56), 2.5)


def test_coarse_cells_are_laid_over_the_frame_without_steps() -> None:
    ramp = smoothed(np.tile(np.arange(7.0), (7, 1)), 224, 224)
    assert ramp.shape == (224, 224)
    assert np.abs(np.diff(ramp, axis=1)).max() < 0.05


def test_random_maps_depend_on_seed_and_number_alone() -> None:
    assert np.array_equal(random_map(0, 3, 56, 56), random_map(0, 3, 56, 56))
    assert not np.array_equal(random_map(0, 3, 56, 56), random_map(0, 4, 56, 56))
    assert not np.array_equal(random_map(0, 3, 56, 56), random_map(1, 3, 56, 56))


def test_the_edge_detector_finds_an_edge_and_nothing_on_a_flat_photo() -> None:
    frame = np.zeros((16, 16, 3), dtype=np.uint8)
    assert edge_strength(frame).max() == 0
    frame[:, 8:] = 200
    assert set(edge_strength(frame).argmax(axis=1)) <= {7, 8}


def test_controls_are_edges_then_single_pixels_then_smooth_orders() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (56, 56, 3), dtype=np.uint8)
    controls = control_ranks(frame, orders=4, seed=0)
    assert controls.shape == (6, 56, 56)
    assert np.array_equal(controls[1], pixel_random(0, 56, 56))
    neighbours = [np.abs(np.diff(order, axis=1)).mean() for order in controls]
    assert all(neighbours[1] > 3 * step for step in neighbours[2:])
    assert np.array_equal(controls[2:], control_ranks(frame, orders=8, seed=0)[2:6])
