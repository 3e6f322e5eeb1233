"""Ablation against weights really changed, planted units, and controls; what it must not find."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from backend.data.samples import samples
from backend.engine.stepping import Engine
from backend.methods.neurons.interventions.ablation import divergence
from backend.methods.neurons.neuron_ablation import Ablation, UnitSet
from backend.methods.params import ParameterError
from backend.methods.question import ModelRef, ScaleUnits
from backend.methods.steps import Partial, Result
from backend.models.language import language_model
from backend.models.loaded import LanguageModel
from backend.store import arrays
from tests.unit.methods.neurons.interventions.conftest import SHARES, Steps, Told, of_text, result, state, traces
from tests.unit.methods.neurons.planted_transformer import DETECTORS, PLAN, build
from tests.unit.methods.neurons.sentence.models import gpt2, llama

DIGIT = samples("digit")[0].name
TEXT = "w3 w1 w7 w20 w9"


@pytest.fixture(scope="module")
def planted_text() -> LanguageModel:
    module, tokenizer = build(PLAN)
    return language_model("planted", module.requires_grad_(False), tokenizer, "1")


@pytest.mark.parametrize("family", [llama, gpt2])
@pytest.mark.parametrize("factor", [0.0, -2.0, 3.0])
def test_scaling_a_neuron_is_scaling_what_it_writes(family: Any, factor: float) -> None:
    """The oracle changes weights of a copy: the neuron's column of the output projection."""
    model = family()
    found: Ablation = result(of_text("neuron_ablation", model, TEXT, layer="mlp.1", unit=5, strength=factor, points=7))
    other = copy.deepcopy(model.module)
    with torch.no_grad():
        if family is llama:
            other.model.layers[1].mlp.down_proj.weight[:, 5] *= factor
        else:
            other.transformer.h[1].mlp.c_proj.weight[5] *= factor
        tokens = torch.tensor([model.tokenizer.encode(TEXT).ids])
        before, after = model.module(tokens).logits[0], other(tokens).logits[0]
    place = found.at(factor)
    assert np.allclose(found.logits[place], after[-1][found.outputs], atol=1e-5)
    assert np.allclose(found.base_logits, before[-1][found.outputs], atol=1e-5)
    kl = float(kl_div(log_softmax(after[-1], -1), log_softmax(before[-1], -1), log_target=True, reduction="sum"))
    assert found.kl[place] == pytest.approx(kl, rel=1e-4)
    assert kl > 1e-5
    assert found.loss[place] == pytest.approx(float(cross_entropy(after[:-1], tokens[0, 1:])), rel=1e-5)
    assert found.base_loss == pytest.approx(float(cross_entropy(before[:-1], tokens[0, 1:])), rel=1e-5)
    assert found.firsts[place] == int(after[-1].argmax())


def test_scaling_a_channel_of_a_digits_model_is_what_a_hook_of_the_test_gives(engine: Engine, told: Told) -> None:
    found: Ablation = told("neuron_ablation", model="digits-cnn", sample=DIGIT, layer="stage2", units="1,4", strength=0.0)
    model = engine.workshop.model(ModelRef("digits-cnn"), ())
    from tests.unit.methods.saliency.conftest import asking

    held = asking(engine, "prediction", model="digits-cnn", sample=DIGIT)

    def off(_: Any, __: Any, output: torch.Tensor) -> torch.Tensor:
        return output * torch.tensor([unit not in (1, 4) for unit in range(output.shape[1])]).view(1, -1, 1, 1)

    handle = model.module.get_submodule(model.units["stage2"].module).register_forward_hook(off)
    try:
        with torch.inference_mode():
            logits = model.module(held.sample[None])[0]
    finally:
        handle.remove()
    assert np.allclose(found.logits[found.at(0.0)], logits[found.outputs], atol=1e-4)
    assert np.isnan(found.loss).all()


def test_a_planted_detector_carries_its_word_and_random_units_do_not(planted_text: LanguageModel) -> None:
    for (layer, unit), (words, written) in DETECTORS.items():
        token = PLAN.vocabulary.index(written)
        found: Ablation = result(
            of_text("neuron_ablation", planted_text, f"<s> w4 {words[0]}", layer=layer, unit=unit, strength=0.0, controls=5)
        )
        place, column = found.at(0.0), list(found.outputs).index(token)
        low, high = found.control_range(place) or (np.nan, np.nan)
        print(f"\n{layer}:{unit} off: KL {found.kl[place]:.3g}, five random units {low:.2g} to {high:.2g}", end="")
        assert found.probabilities[place, column] < found.base_probabilities[column]
        assert found.kl[place] > 10 * high
        logits = found.logits[:, column] - found.logits.mean(axis=1)
        assert (np.diff(logits[found.strengths >= 0]) > 0).all()  # the more of it, the more of its word


def test_a_detector_that_does_not_fire_changes_nothing_beyond_random_units(planted_text: LanguageModel) -> None:
    (layer, unit), _ = next(iter(DETECTORS.items()))
    silent: Ablation = result(of_text("neuron_ablation", planted_text, "<s> w4 cat", layer=layer, unit=unit, controls=15))
    place = silent.at(0.0)
    assert silent.kl[place] <= 3 * silent.control_range(place)[1]


def test_a_channel_matters_by_its_share_and_one_without_a_share_not_at_all(planted: None, told: Told) -> None:
    values = {"model": "test-additive", "sample": DIGIT, "layer": "copies"}
    effects = []
    for unit, share in enumerate(SHARES):
        found: Ablation = told("neuron_ablation", **values, unit=unit)
        column = list(found.outputs).index(1)
        changes = found.logits[:, column] - found.base_logits[column]
        mean = float(found.values.mean())
        assert np.allclose(changes, share * mean * (found.strengths - 1), rtol=1e-3)  # a straight line; values are float16
        effects.append(float(found.kl[found.at(0.0)]))
    assert effects[0] == effects[4] == 0.0
    assert np.argmax(effects) == 1


def test_a_clamp_sets_every_position(planted: None, told: Told) -> None:
    found: Ablation = told(
        "neuron_ablation",
        model="test-additive",
        sample=DIGIT,
        layer="copies",
        unit=1,
        mode="clamp",
        strength=0.5,
        low=-1.0,
        high=2.0,
    )
    column = list(found.outputs).index(1)
    changes = found.logits[:, column] - found.base_logits[column]
    assert np.allclose(changes, 3.0 * (found.strengths - found.values.mean()), atol=1e-3)
    assert (found.strengths[0], found.strengths[-1]) == (-1.0, 2.0)
    assert 0.5 in found.strengths
    own: Ablation = told("neuron_ablation", model="test-additive", sample=DIGIT, layer="copies", unit=1, mode="clamp")
    assert (own.strengths[0], own.strengths[-1]) == (0.0, pytest.approx(float(own.values.max()), rel=1e-3))


def test_a_factor_of_one_changes_nothing_and_controls_are_measured_alike(told: Told) -> None:
    found: Ablation = told("neuron_ablation", model="digits-cnn", sample=DIGIT, layer="stage3", unit=2, controls=6)
    assert abs(found.kl[found.at(1.0)]) < 1e-6
    assert np.abs(found.control_kl[found.at(1.0)]).max() < 1e-6
    units = [control.units[0] for control in found.controls]
    assert len(set(units)) == 6
    assert 2 not in units
    alone: Ablation = told("neuron_ablation", model="digits-cnn", sample=DIGIT, layer="stage3", unit=units[0], controls=0)
    assert np.allclose(found.control_kl[:, 0], alone.kl, atol=1e-6)
    assert alone.control_range(0) is None


def test_a_whole_layer_is_held_against_other_whole_layers(told: Told) -> None:
    found: Ablation = told("neuron_ablation", model="digits-vit", sample=DIGIT, layer="mlp.1", units="all", controls=10)
    assert found.chosen == UnitSet("mlp.1")
    assert sorted(control.layer for control in found.controls) == ["mlp.0", "mlp.2", "mlp.3"]
    assert all(control.units == () for control in found.controls)
    assert found.values.size == 0


def test_the_seed_draws_the_controls_and_nothing_else(told: Told) -> None:
    values = {"model": "digits-cnn", "sample": DIGIT, "layer": "stage2", "unit": 3, "controls": 4}
    one, same, other = (told("neuron_ablation", **values, seed=seed) for seed in (0, 0, 1))
    assert one.controls == same.controls
    assert np.array_equal(one.control_kl, same.control_kl)
    assert one.controls != other.controls
    assert np.array_equal(one.kl, other.kl)


def test_an_edit_of_the_question_stands_in_every_row(told: Told) -> None:
    values = {"model": "digits-cnn", "sample": DIGIT, "layer": "stage2", "unit": 3, "controls": 0}
    plain = told("neuron_ablation", **values)
    assert np.abs(plain.kl).max() > 1e-4
    gone = told("neuron_ablation", **values, edits=(ScaleUnits("stage2", (3,), 0.0),))
    assert np.abs(gone.kl).max() < 1e-6  # what is off already cannot be scaled


@pytest.mark.parametrize(
    ("params", "message"),
    [({"layer": "mlp.99"}, "Layer: there is no 'mlp.99'; there are attention.0"),
     ({"layer": "mlp.1", "unit": 48}, "'48' is no unit of mlp.1, whose units go from 0 to 47"),
     ({"layer": "mlp.1", "units": "3,x"}, "'x' is no unit of mlp.1"),
     ({"layer": "mlp.1", "units": "3,-1"}, "'-1' is no unit of mlp.1"),
     ({"layer": "attention.1", "mode": "clamp"}, "a head of attention.1 has many values, so it cannot be clamped")],
)  # fmt: skip
def test_bad_units_are_named_with_their_limit(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        of_text("neuron_ablation", llama(), TEXT, **params)


def test_one_token_has_no_loss() -> None:
    found: Ablation = result(of_text("neuron_ablation", llama(), "w4", layer="mlp.1", unit=5, controls=2))
    assert np.isnan(found.loss).all()
    assert found.loss_range(0) is None
    assert found.kl.max() > 0


def test_snapshots_are_whole_the_asked_strength_comes_first_and_nothing_is_left_behind(engine: Engine, steps: Steps) -> None:
    model = engine.workshop.model(ModelRef("digits-cnn"), ())
    before = state(model.module)
    found = steps("neuron_ablation", model="digits-cnn", sample=DIGIT, layer="stage2", unit=3, strength=-1.5)
    assert traces(model.module) == 0
    assert state(model.module) == before
    partial = [step for step in found if isinstance(step, Partial)]
    assert isinstance(found[-1], Result)
    assert [step.done for step in partial] == sorted({step.done for step in partial})
    assert all(np.isfinite(step.value.kl[step.value.at(-1.5)]) for step in partial)
    last = found[-1].value
    assert np.isfinite(last.kl).all()
    assert np.isfinite(last.control_kl).all()
    shown = last.likeliest(last.at(-1.5), 4)
    assert (np.diff(last.base_probabilities[shown]) <= 0).all()
    assert last.outputs[last.base_probabilities.argmax()] == last.base_first == last.outputs[shown[0]]


def test_a_result_is_stored_and_read_back(session_home: Any, told: Told) -> None:
    found: Ablation = told("neuron_ablation", model="digits-cnn", sample=DIGIT, layer="stage2", unit=3, controls=2)
    arrays.save("a" * 64, found)
    again = arrays.load("a" * 64)
    assert again.controls == found.controls
    assert np.array_equal(again.kl, found.kl)


def test_divergence_is_that_of_torch() -> None:
    draw = np.random.default_rng(0)
    base, changed = draw.normal(size=30) * 5, draw.normal(size=(4, 30)) * 5
    theirs = [
        float(kl_div(log_softmax(torch.tensor(row), -1), log_softmax(torch.tensor(base), -1), log_target=True, reduction="sum"))
        for row in changed
    ]
    assert np.allclose(divergence(base, changed), theirs)
