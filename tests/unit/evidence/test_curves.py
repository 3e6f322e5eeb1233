"""Curves from logits, their areas and their verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from backend.evidence.curves import OrderCurvesSweep, area, control_curves, counts, one_order, rows_of_order, verdict
from backend.methods.question import ClassLogit, Contrast

ENDS = np.array([[0, 2], [5, 0], [0, 9]], dtype=np.float32)  # blurred, whole, grey
INNER = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)  # five steps


def probability(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits[..., 0]) / np.exp(logits).sum(axis=-1)


def test_insertion_goes_from_blurred_to_whole_and_deletion_from_whole_to_grey() -> None:
    curves = one_order(INNER, ENDS, ClassLogit(0), steps=5)
    assert np.allclose(curves["insertion"], probability(np.stack([ENDS[0], *INNER[0::2], ENDS[1]])))
    assert np.allclose(curves["deletion"], probability(np.stack([ENDS[1], *INNER[1::2], ENDS[2]])))


def test_points_not_reached_are_unknown_and_the_ends_are_not() -> None:
    curves = one_order(INNER[:3], ENDS, ClassLogit(0), steps=5)
    assert np.isnan(curves["insertion"]).tolist() == [False, False, False, True, True, False]
    assert np.isnan(curves["deletion"]).tolist() == [False, False, True, True, True, False]


def test_a_contrast_is_the_difference_of_two_probabilities() -> None:
    curves = one_order(INNER, ENDS, Contrast(0, 1), steps=5)
    assert np.allclose(curves["insertion"], 2 * one_order(INNER, ENDS, ClassLogit(0), steps=5)["insertion"] - 1, atol=1e-6)


def test_only_complete_orders_are_controls() -> None:
    rows = rows_of_order(5)
    logits = np.random.default_rng(1).normal(size=(4 * rows, 2)).astype(np.float32)
    shown = [
        control_curves(OrderCurvesSweep(ENDS, logits[:n], 5, 3 + n, 3 + len(logits)), ClassLogit(0))
        for n in (rows - 1, 2 * rows, 4 * rows - 1)
    ]
    assert [("insertion" in c.edges, "deletion" in c.pixels) for c in shown] == [(False, False), (True, True), (True, True)]
    assert [c.smooth["insertion"].shape for c in shown] == [(0, 6), (0, 6), (1, 6)]


def test_all_pixels_are_moved_in_the_end() -> None:
    assert counts(10, 50176)[[0, 5, 10]].tolist() == [0, 25088, 50176]
    assert (np.diff(counts(56, 64)) >= 1).all()


def test_area_is_that_of_trapezoids() -> None:
    assert area(np.array([0, 1, 1]), np.array([0, 0.5, 1])) == pytest.approx(0.75)


def test_a_map_beats_the_control_only_where_it_beats_every_random_order() -> None:
    randoms = (0.2, 0.3, 0.4)
    assert [verdict(value, randoms, "more") for value in (0.5, 0.35, 0.4, 0.1)] == [
        "beats the control", "within the control", "within the control", "fails the control",
    ]  # fmt: skip
    assert [verdict(value, randoms, "less") for value in (0.5, 0.35, 0.1)] == [
        "fails the control", "within the control", "beats the control",
    ]  # fmt: skip
