"""Weight randomisation: a map of the weights changes with them, a map of the photo's edges does not."""

from __future__ import annotations

import numpy as np
import pytest

import backend
from backend.evidence.weight_randomisation import chance_correlations, cheaper, correlation, passes_needed, verdict
from backend.methods.question import ClassLogit, Image, ModelRef, Question
from backend.methods.saliency.integrated_gradients import IntegratedGradients
from backend.methods.saliency.rise import Rise
from tests.unit.evidence.conftest import Ask


def test_the_gradient_forgets_the_original_once_all_weights_are_drawn_anew(digit_map: Ask) -> None:
    finding = backend.check("weight_randomisation", digit_map("gradient"))
    assert [measure.verdict for measure in finding.measures] == ["beats the control"] * 2
    assert finding.curves["correlation"].shape == finding.curves["share"].shape == (4,)
    assert finding.curves["correlation"][0] == pytest.approx(1)
    assert finding.passes.forward == finding.passes.backward == 3


def test_a_map_that_ignores_the_model_fails(digit_map: Ask) -> None:
    finding = backend.check("weight_randomisation", digit_map("test_blind"), stages=2)
    assert [measure.verdict for measure in finding.measures] == ["fails the control"] * 2
    assert finding.curves["correlation"].tolist() == pytest.approx([1, 1, 1])
    assert finding.controls["edge detector"] == pytest.approx((1,))


def test_expensive_runs_are_made_cheaper_and_the_protocol_says_so(digit_map: Ask) -> None:
    finding = backend.check("weight_randomisation", digit_map("rise", masks=400), stages=1)
    assert "with masks 300." in finding.protocol
    assert finding.passes.forward == 301
    kept = backend.check("weight_randomisation", digit_map("gradient"), stages=1)
    assert "For speed" not in kept.protocol


def test_cheaper_lowers_only_what_is_above_its_cap() -> None:
    def run(params: object) -> Question:
        return Question("rise", ModelRef("digits-cnn"), Image("0" * 64), params, ClassLogit(0))

    assert cheaper(run(Rise(1000))).params == Rise(300)
    assert cheaper(run(Rise(100))).params == Rise(100)
    assert cheaper(run(IntegratedGradients())).params.steps == 32


def test_the_forecast_knows_the_run(digit_map: Ask, engine: object) -> None:
    from backend.engine.stepping import Engine
    from backend.evidence.weight_randomisation import WeightRandomisation

    assert isinstance(engine, Engine)
    card = engine.workshop.model(ModelRef("digits-cnn")).card
    run = Question("rise", ModelRef("digits-cnn"), Image("0" * 64), Rise(1000), ClassLogit(0))
    assert passes_needed(run, WeightRandomisation(2), card).forward == 2 * 301


def test_correlation_is_of_ranks_and_nothing_agrees_with_a_blank() -> None:
    values = np.random.default_rng(0).normal(size=(9, 9))
    assert correlation(values, np.exp(values)) == pytest.approx(1)
    assert correlation(values, -values) == pytest.approx(-1)
    assert correlation(values, np.zeros((9, 9))) == 0
    assert correlation(values, np.full((9, 9), np.nan)) == 0


def test_verdicts_by_the_size_of_the_correlation() -> None:
    chance = (-0.4, 0.1)
    assert [verdict(value, chance) for value in (0.39, -0.39, 0.5, 0.7, -0.9)] == [
        "beats the control", "beats the control", "within the control", "fails the control", "fails the control",
    ]  # fmt: skip
    assert verdict(0.3, (0.0,)) == "beats the control"


def test_chance_is_far_from_agreement() -> None:
    assert max(map(abs, chance_correlations(0, 56, 56)["correlation"])) < 0.6
