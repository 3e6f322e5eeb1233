"""Completeness: a map that sums passes, a coarse path and a tampered map fail, others are not held to it."""

from __future__ import annotations

import math

import numpy as np
import pytest

import backend
from backend.evidence.completeness import missing
from backend.methods.question import ClassLogit
from tests.unit.evidence.conftest import Ask
from tests.unit.evidence.planted import saliency


def test_integrated_gradients_refined_until_it_sums_passes(digit_map: Ask) -> None:
    finding = backend.check("completeness", digit_map("integrated_gradients"))
    assert [(measure.name, measure.verdict) for measure in finding.measures] == [
        ("missing logit", "beats the control"), ("missing by segment", "beats the control"),
    ]  # fmt: skip
    assert finding.controls == {"limit": (0.02,)}
    assert finding.passes.forward == 0


def test_eight_midpoints_of_a_bent_path_fail(planted_map: Ask, engine: object) -> None:
    coarse = backend.run("integrated_gradients", sample="cat", target=285, rule="midpoint", steps=8)
    finding = backend.check("completeness", coarse)
    assert finding.value > 0.02
    assert finding.measures[0].verdict == "fails the control"


def test_a_tampered_map_fails_whatever_it_says_of_itself(planted_map: Ask) -> None:
    finding = backend.check("completeness", planted_map("test_tampered"))
    assert finding.value == pytest.approx(0.1, abs=1e-5)
    assert finding.measures[0].verdict == "fails the control"


def test_input_times_gradient_is_measured_but_not_held_to_a_sum(digit_map: Ask) -> None:
    result = digit_map("input_x_gradient")
    finding = backend.check("completeness", result)
    assert finding.measures[0].verdict == "not promised"
    assert math.isfinite(finding.value)
    assert finding.passes.forward == 1
    assert "straight line" in finding.protocol


def test_methods_without_a_promise_cost_nothing(digit_map: Ask) -> None:
    finding = backend.check("completeness", digit_map("grad_cam"))
    assert finding.measures[0].verdict == "not promised"
    assert math.isnan(finding.value)
    assert finding.passes.forward == 0


def test_no_change_to_explain_leaves_everything_missing() -> None:
    nothing = saliency(np.zeros((4, 4)), ClassLogit(0))
    assert missing(nothing, baseline=6.0) == math.inf
    assert missing(nothing, baseline=1.0) == 1.0
