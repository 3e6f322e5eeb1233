"""Integrated Gradients adds up: adaptively to 5 % in its parts, honestly where it does not, and by rules that integrate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data.samples import samples
from backend.engine.stepping import Engine
from backend.methods.saliency.result import Saliency
from backend.methods.saliency.sweeps.alpha_path import TOLERANCE, rule_points
from backend.methods.steps import Partial, Result
from tests.unit.methods.saliency.conftest import Explain, steps

PHOTOS = [photo.name for photo in samples("photo")]


def adds_up_as_told(result: Saliency) -> bool:
    """Whether Σ attribution is the change of the logit plus the residual told: nothing was rescaled to hide it."""
    told = result.logit - result.facts["baseline_logit"] + result.facts["residual"]
    return float(result.attribution.astype(np.float64).sum()) == pytest.approx(told, abs=1e-3 * max(1.0, abs(told)))


@pytest.mark.parametrize("photo", PHOTOS)
def test_the_parts_of_the_path_err_by_5_percent_at_most_on_every_sample_photo(explain: Explain, photo: str) -> None:
    result = explain("integrated_gradients", sample=photo)
    facts = result.facts
    print(
        f"\n{photo}: {facts['points']:.0f} points, absolute {100 * facts['absolute_residual_share']:.1f} %, "
        f"net {100 * facts['residual_share']:.2f} %, last change {100 * facts['last_change']:.1f} %", end="",
    )  # fmt: skip
    assert facts["absolute_residual_share"] <= TOLERANCE == 0.05
    assert facts["points"] <= 192
    assert facts["residual_share"] <= facts["absolute_residual_share"] + 1e-6
    assert adds_up_as_told(result)
    assert f"within {100 * facts['residual_share']:.1f} %" in result.note


def test_a_path_cut_short_does_not_claim_to_have_arrived(explain: Explain) -> None:
    result = explain("integrated_gradients", sample="cat", steps=8)
    assert result.facts["points"] == 8
    assert result.facts["absolute_residual_share"] > TOLERANCE
    assert result.facts["residual_share"] > 0.5
    assert result.note.startswith("8 points")
    assert f"within {100 * result.facts['residual_share']:.1f} %" in result.note
    assert adds_up_as_told(result)


def test_fixed_rules_are_not_rescaled_either_and_tell_no_sum_of_parts(explain: Explain) -> None:
    for rule in ("gauss-legendre", "midpoint"):
        result = explain("integrated_gradients", sample="cat", rule=rule, steps=8)
        assert result.facts["residual_share"] > 0.01  # 8 points are too few, and it shows
        assert "absolute_residual_share" not in result.facts
        assert adds_up_as_told(result)


@pytest.mark.parametrize("rule", ["adaptive", "gauss-legendre", "midpoint"])
def test_each_partial_map_is_whole_and_the_last_is_the_result(engine: Engine, rule: str) -> None:
    found = list(steps(engine, "integrated_gradients", model="digits-cnn", sample=samples("digit")[0].name, rule=rule, steps=64))
    partial = [step for step in found if isinstance(step, Partial)]
    assert [step.done for step in partial] == sorted({step.done for step in partial})
    assert all(np.isfinite(step.value.attribution).all() and np.isfinite(step.value.logit) for step in partial)
    assert isinstance(found[-1], Result)
    assert sum(isinstance(step, Result) for step in found) == 1


def test_more_points_never_leave_more_error_on_a_smooth_path(explain: Explain) -> None:
    values = {"model": "digits-vit", "sample": samples("digit")[0].name, "rule": "gauss-legendre", "dtype": "float64"}
    shares = [explain("integrated_gradients", **values, steps=count).facts["residual_share"] for count in (8, 16, 32, 64)]
    print(f"\nviT, Gauss–Legendre 8 to 64 points: {', '.join(f'{share:.1e}' for share in shares)}", end="")
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 1e-4


@given(st.sampled_from(["gauss-legendre", "midpoint"]), st.integers(1, 256))
@settings(max_examples=60, deadline=None)
def test_rules_have_points_inside_the_path_and_weights_that_sum_to_1(rule: str, count: int) -> None:
    points, weights = rule_points(rule, count)
    assert len(points) == len(weights) == count
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert weights.min() > 0
    assert points.min() > 0
    assert points.max() < 1


@given(st.integers(1, 40), st.data())
@settings(max_examples=60, deadline=None)
def test_gauss_legendre_integrates_polynomials_up_to_twice_its_points(count: int, data: st.DataObject) -> None:
    degree = data.draw(st.integers(0, 2 * count - 1))
    points, weights = rule_points("gauss-legendre", count)
    assert weights @ points**degree == pytest.approx(1 / (degree + 1), rel=1e-9)


@given(st.integers(1, 64), st.floats(-5, 5), st.floats(-5, 5))
def test_midpoints_integrate_straight_lines_and_nothing_steeper(count: int, slope: float, offset: float) -> None:
    points, weights = rule_points("midpoint", count)
    assert weights @ (slope * points + offset) == pytest.approx(slope / 2 + offset, abs=1e-9)
    assert weights @ points**2 != pytest.approx(1 / 3, rel=1e-9)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="'simpson' is no fixed rule"):
        rule_points("simpson", 8)
