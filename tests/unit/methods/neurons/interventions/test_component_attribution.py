"""COAR against a model that is linear and one that is as far from it as can be; ridge against scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from backend.data.samples import samples
from backend.engine.stepping import Engine
from backend.methods.neurons.component_attribution import ComponentAttributions
from backend.methods.neurons.interventions.ridge import Masks, correlation, fisher_interval, fit
from backend.methods.params import ParameterError
from backend.methods.question import ModelRef, TokenLogit
from backend.methods.steps import Partial, Result
from tests.unit.methods.neurons.interventions.conftest import CHANNELS, SHARES, Steps, Told, of_text, result, state, traces
from tests.unit.methods.neurons.sentence.models import gpt2, llama

DIGIT = samples("digit")[0].name
TEXT = "w4 w1 w7 w20 w9"


def test_a_linear_model_is_recovered_exactly(planted: None, told: Told) -> None:
    values = {"model": "test-additive", "sample": DIGIT}
    found: ComponentAttributions = told("component_attribution", **values, target=1, layer="copies", keep=0.5)
    mean = float(told("neuron_ablation", **values, controls=0).values.mean())
    assert found.names == tuple(f"copies:{unit}" for unit in range(CHANNELS))
    assert np.allclose(found.weights, np.array(SHARES) * mean, rtol=1e-3, atol=1e-5)
    assert found.penalty == 0.0
    assert found.correlation > 0.999999
    assert found.standard_errors.max() < 1e-5
    assert found.bias == pytest.approx(0, abs=1e-5)
    assert found.removal is not None
    assert found.removal.for_measured == pytest.approx(found.removal.for_predicted, abs=1e-5)
    assert found.removal.for_measured < 0 < found.removal.against_measured


def test_of_parity_no_component_adds_anything_and_the_test_says_so(planted: None, told: Told) -> None:
    found: ComponentAttributions = told(
        "component_attribution", model="test-parity", sample=DIGIT, target=1, layer="copies", keep=0.5
    )
    print(f"\nparity: held-out correlation {found.correlation:.3f}, interval {found.interval}", end="")
    assert np.ptp(found.measured) == 2.0  # the ablations do change the answer
    assert abs(found.correlation) < 0.25
    assert (np.abs(found.weights) < 4 * found.standard_errors).all()


def test_shuffled_masks_predict_nothing(told: Told) -> None:
    found: ComponentAttributions = told("component_attribution", model="digits-cnn", sample=DIGIT, target=3, layer="stage2")
    low, high = found.interval
    print(f"\ndigits-cnn: {found.correlation:.2f} ({low:.2f} to {high:.2f}), shuffled up to {found.shuffled.max():.2f}", end="")
    assert found.shuffled.shape == (20,)
    assert low > found.shuffled.max()
    assert abs(float(found.shuffled.mean())) < 0.2


def test_predictions_are_of_ablations_that_were_really_made(engine: Engine, told: Told) -> None:
    values = {"model": "digits-cnn", "sample": DIGIT, "target": 3}
    found: ComponentAttributions = told("component_attribution", **values, layer="stage2", keep=0.9)
    draw = np.random.default_rng((0, 101))
    kept = draw.random((found.masks + 200, len(found.names))) < 0.9
    for row in (0, 7):
        gone = ",".join(str(unit) for unit in np.flatnonzero(~kept[row]))
        changed = told(
            "neuron_ablation", **{k: v for k, v in values.items() if k != "target"}, layer="stage2", units=gone, controls=0
        )
        column = list(changed.outputs).index(3)
        assert found.measured[row] == pytest.approx(changed.logits[changed.at(0.0), column], abs=1e-4)


@pytest.mark.parametrize("family", [llama, gpt2])
def test_neurons_and_whole_layers_of_a_decoder(family: Any) -> None:
    units: ComponentAttributions = result(
        of_text("component_attribution", family(), TEXT, TokenLogit(7), layer="mlp.1", masks=600)
    )
    assert units.correlation > 0.9
    layers: ComponentAttributions = result(
        of_text("component_attribution", family(), TEXT, TokenLogit(7), components="layers", masks=400)
    )
    assert layers.names == tuple(layer.name for layer in family().card.units)
    assert layers.interval[0] > layers.shuffled.max()


def test_an_earlier_position_is_scored_there() -> None:
    asked = {"layer": "mlp.1", "masks": 300}
    one, other = (
        result(of_text("component_attribution", llama(), text, TokenLogit(7, 2), **asked)) for text in (TEXT, "w4 w1 w7 w30 w2")
    )
    assert np.allclose(one.weights, other.weights, atol=1e-6)
    last = result(of_text("component_attribution", llama(), TEXT, TokenLogit(7), **asked))
    assert not np.allclose(one.weights, last.weights, atol=1e-3)


def test_layers_that_everything_flows_through_cannot_be_taken_away(told: Told) -> None:
    with pytest.raises(ParameterError, match="Components: all that digits-cnn knows .* choose units"):
        told("component_attribution", model="digits-cnn", sample=DIGIT, target=3, components="layers")
    with pytest.raises(ParameterError, match="Layer: there is no 'stage9'"):
        told("component_attribution", model="digits-cnn", sample=DIGIT, target=3, layer="stage9")


def test_snapshots_are_tested_models_and_nothing_is_left_behind(engine: Engine, steps: Steps) -> None:
    model = engine.workshop.model(ModelRef("digits-cnn"), ())
    before = state(model.module)
    found = steps("component_attribution", model="digits-cnn", sample=DIGIT, target=3, layer="stage2")
    assert traces(model.module) == 0
    assert state(model.module) == before
    partial = [step for step in found if isinstance(step, Partial)]
    assert 2 <= len(partial) <= 8
    assert [step.value.masks for step in partial] == sorted({step.value.masks for step in partial})
    assert all(np.isfinite(step.value.correlation) and step.value.removal is None for step in partial)
    assert isinstance(found[-1], Result)
    last = found[-1].value
    assert last.removal is not None
    assert last.removal.random.shape == (10,)
    again = result(steps("component_attribution", model="digits-cnn", sample=DIGIT, target=3, layer="stage2"))
    assert np.array_equal(last.weights, again.weights)


def problem(rows: int, size: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Masks (rows, size), scores and the weights that made them."""
    draw = np.random.default_rng(4)
    kept = (draw.random((rows, size)) < 0.8).astype(np.uint8)
    weights = draw.normal(size=size)
    return kept, kept @ weights + 3 + noise * draw.normal(size=rows), weights


@pytest.mark.parametrize("penalty", [0.5, 20.0])
def test_the_fit_is_scikit_learns_ridge(penalty: float) -> None:
    kept, scores, _ = problem(120, 30, 0.5)
    ours, theirs = fit(Masks.of(kept), scores, penalty), Ridge(alpha=penalty).fit(kept, scores)
    assert np.allclose(ours.weights, theirs.coef_, atol=1e-8)
    assert ours.bias == pytest.approx(theirs.intercept_)
    assert np.allclose(ours.predict(kept), theirs.predict(kept))


def test_without_a_penalty_the_standard_errors_are_those_of_least_squares() -> None:
    kept, scores, weights = problem(400, 12, 0.5)
    ours = fit(Masks.of(kept), scores, 0.0)
    design = np.column_stack([np.ones(len(kept)), kept])
    residual = scores - design @ np.linalg.lstsq(design, scores, rcond=None)[0]
    covariance = np.linalg.inv(design.T @ design) * (residual @ residual) / (len(kept) - 13)
    assert np.allclose(ours.standard_errors, np.sqrt(np.diag(covariance))[1:])
    assert (np.abs(ours.weights - weights) < 4 * ours.standard_errors).all()


def test_cross_validation_takes_a_penalty_where_noise_or_few_rows_ask_for_one() -> None:
    assert fit(Masks.of(problem(400, 12, 0.0)[0]), problem(400, 12, 0.0)[1]).penalty == 0.0
    kept, scores, weights = problem(60, 100, 1.0)
    chosen = fit(Masks.of(kept), scores)
    assert chosen.penalty > 0
    assert correlation(chosen.weights, weights) > 0.4


def test_a_component_no_mask_takes_away_gets_zero_and_a_constant_correlates_with_nothing() -> None:
    kept, scores, _ = problem(100, 5, 0.1)
    kept[:, 2] = 1
    found = fit(Masks.of(kept), scores)
    assert found.weights[2] == pytest.approx(0, abs=1e-9)
    assert correlation(np.ones(5), np.arange(5.0)) == 0.0
    low, high = fisher_interval(0.5, 200)
    assert (low, high) == (pytest.approx(0.388, abs=0.01), pytest.approx(0.598, abs=0.01))
