"""Conductance against Captum at equal rules, its sum against Integrated Gradients, and layers that have no sum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import LayerConductance
from torch import nn

from backend.data.baselines import baseline
from backend.data.samples import samples
from backend.engine.stepping import Engine
from backend.methods.neurons.conductance import Conductance
from backend.methods.params import ParameterError
from backend.methods.question import ModelRef, TokenLogit
from backend.methods.steps import Partial, Result
from tests.unit.methods.neurons.interventions.conftest import SHARES, Steps, Told, of_text, result, state, traces
from tests.unit.methods.neurons.sentence.models import gpt2, llama
from tests.unit.methods.saliency.conftest import asking

pytestmark = pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients")
DIGIT = samples("digit")[0].name
CNN = {"model": "digits-cnn", "sample": DIGIT, "target": 3}
VIT = {"model": "digits-vit", "sample": DIGIT, "target": 3}
CAT = {"model": "efficientnet-lite0", "sample": "cat", "target": 285}
TEXT = "w3 w1 w7 w20 w9"
TOLERANCE = 1e-6
RULES = [("uniform", "riemann_trapezoid"), ("gauss-legendre", "gausslegendre")]


def agree(what: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Assert agreement to a millionth of the oracle's largest value, in float64."""
    largest = float(np.abs(theirs).max())
    difference = float(np.abs(ours - theirs).max()) / largest
    print(f"\n{what}: {difference:.1e} of the largest value {largest:.3g}", end="")
    assert ours.dtype == np.float64
    assert largest > 0
    assert difference <= TOLERANCE


@pytest.mark.parametrize(("rule", "theirs_name"), RULES)
@pytest.mark.parametrize(
    ("values", "layers"),
    [(CNN, ["stage1", "stage2", "stage3"]), (VIT, ["mlp.0", "mlp.3"]), (CAT, ["blocks.8", "head"])],
    ids=["digits-cnn", "digits-vit", "efficientnet-lite0"],
)
def test_units_of_image_models_equal_captums_layer_conductance(
    engine: Engine, told: Told, values: dict[str, Any], layers: list[str], rule: str, theirs_name: str
) -> None:
    ours: Conductance = told("conductance", **values, dtype="float64", rule=rule, steps=8)
    held = asking(engine, "gradient", **values, dtype="float64")
    start = held.tensor(baseline(held.frame, "black"))[None]
    for layer in layers:
        point = held.model.units[layer]
        oracle = LayerConductance(held.model.module, held.model.module.get_submodule(point.module))
        theirs = oracle.attribute(
            held.sample[None], start, target=values["target"], n_steps=8, method=theirs_name,
            attribute_to_layer_input=point.side == "input",
        )  # fmt: skip
        theirs = theirs[0] if isinstance(theirs, tuple) else theirs
        summed = point.values(theirs.detach())[0].sum(0).numpy()  # (units,)
        agree(f"{layer}, {rule}", ours.values[layer], summed)


@pytest.mark.parametrize(("rule", "theirs_name"), RULES)
@pytest.mark.parametrize("family", [llama, gpt2])
def test_neurons_and_heads_of_a_decoder_equal_captums(family: Any, rule: str, theirs_name: str) -> None:
    model = family()
    ours: Conductance = result(of_text("conductance", model, TEXT, TokenLogit(7), rule=rule, steps=8, text_baseline="mean"))

    class Last(nn.Module):
        def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
            return model.module(inputs_embeds=embeddings).logits[:, -1]

    embedded = model.embed(torch.tensor([model.tokenizer.encode(TEXT).ids]))
    start = model.embed(torch.arange(model.card.vocabulary)).mean(0).expand_as(embedded)
    block = model.module.model.layers[1] if family is llama else model.module.transformer.h[1]
    mlp, attention = (block.mlp.down_proj, block.self_attn.o_proj) if family is llama else (block.mlp.c_proj, block.attn.c_proj)
    for layer, module in (("mlp.1", mlp), ("attention.1", attention)):
        theirs = LayerConductance(Last(), module).attribute(
            embedded, start, target=7, n_steps=8, method=theirs_name, attribute_to_layer_input=True
        )
        theirs = theirs[0] if isinstance(theirs, tuple) else theirs
        values = model.units[layer].values(theirs.detach())[0]  # (tokens, units) or (tokens, heads, size)
        agree(f"{layer}, {rule}", ours.values[layer], (values.sum(-1) if values.dim() == 3 else values).sum(0).numpy())


@pytest.mark.parametrize("values", [CNN, CAT], ids=["digits-cnn", "efficientnet-lite0"])
def test_every_layer_that_all_flows_through_sums_to_the_change(told: Told, values: dict[str, Any]) -> None:
    """The path's own residual, absolute by segment, bounds what a layer's sum may miss."""
    found: Conductance = told("conductance", **values)
    assert set(found.whole) == {layer.name for layer in found.layers}
    span = abs(found.change)
    for name in found.whole:
        total = float(found.values[name].sum(dtype=np.float64))
        print(f"\n{name}: {total:.3f} of {found.change:.3f}, the path misses up to {found.path_residual:.3f}", end="")
        assert total - found.change == pytest.approx(found.residuals[name], abs=1e-3 * span)
        assert abs(found.residuals[name]) <= max(found.path_residual, 0.01 * span)
        assert found.absolute_residuals[name] >= abs(found.residuals[name]) - 1e-9


def test_a_path_too_short_says_so(told: Told) -> None:
    short: Conductance = told("conductance", **CAT, steps=8)
    assert short.path_residual > 0.1 * abs(short.change)
    assert max(short.absolute_residuals.values()) > 0.05 * abs(short.change)


def test_a_layer_that_something_bypasses_is_not_held_to_a_sum(told: Told) -> None:
    found: Conductance = told("conductance", **VIT)
    assert found.whole == ()
    assert found.residuals == {}
    sums = [float(values.sum()) for values in found.values.values()]
    assert max(abs(total - found.change) for total in sums) > 0.2 * abs(found.change)


def test_a_neuron_of_a_decoder_that_writes_nothing_gets_nothing() -> None:
    model = llama()
    with torch.no_grad():
        model.module.model.layers[1].mlp.down_proj.weight[:, 4] = 0
    found: Conductance = result(of_text("conductance", model, TEXT, TokenLogit(7), steps=32))
    assert found.values["mlp.1"][4] == 0.0
    assert np.abs(found.values["mlp.1"]).max() > 1e-3
    assert found.whole == ()


def test_of_an_additive_model_each_channel_gets_exactly_what_it_adds(planted: None, told: Told) -> None:
    found: Conductance = told("conductance", model="test-additive", sample=DIGIT, target=1)
    mean = float(told("neuron_ablation", model="test-additive", sample=DIGIT, controls=0).values.mean())
    assert np.allclose(found.values["copies"], np.array(SHARES) * mean, rtol=1e-3, atol=1e-6)
    assert found.residuals["copies"] == pytest.approx(0, abs=1e-5)


def test_the_adaptive_walk_misses_less_of_the_change_than_captums_rule_with_as_many_passes(told: Told) -> None:
    ours: Conductance = told("conductance", **CAT, steps=24)
    passes = ours.passes.backward  # those of the path before it included
    theirs: Conductance = told("conductance", **CAT, rule="gauss-legendre", steps=passes - 1)
    missed = {name: (abs(ours.residuals[name]), abs(theirs.residuals[name])) for name in ours.whole}
    means = np.mean(list(missed.values()), axis=0) / abs(ours.change)
    print(
        f"\n{passes} passes, {len(missed)} layers miss {100 * means[0]:.1f} % on average, by Captum's rule {100 * means[1]:.1f} %"
    )
    assert ours.change == pytest.approx(theirs.change, rel=1e-4)
    assert means[0] < 0.5 * means[1]


def test_positions_after_the_explained_one_change_nothing() -> None:
    one: Conductance = result(of_text("conductance", llama(), "w3 w1 w7 w20 w9", TokenLogit(7, 2), steps=16))
    other: Conductance = result(of_text("conductance", llama(), "w3 w1 w7 w30 w2", TokenLogit(7, 2), steps=16))
    for layer in one.values:
        assert np.allclose(one.values[layer], other.values[layer], atol=1e-9)
    with pytest.raises(ParameterError, match="Position: 9 is outside 0 to 4"):
        of_text("conductance", llama(), TEXT, TokenLogit(7, 9))


def test_snapshots_are_whole_and_nothing_is_left_behind(engine: Engine, steps: Steps) -> None:
    model = engine.workshop.model(ModelRef("digits-cnn"), ())
    before = state(model.module)
    found = steps("conductance", **CNN)
    assert traces(model.module) == 0
    assert state(model.module) == before
    partial = [step for step in found if isinstance(step, Partial)]
    assert partial
    assert all(step.done <= step.total for step in partial)
    assert all(np.isfinite(values).all() for step in partial for values in step.value.values.values())
    assert isinstance(found[-1], Result)
    assert found[-1].value.score == pytest.approx(asking(engine, "gradient", **CNN).forward(
        asking(engine, "gradient", **CNN).sample[None]).logits[0, 3].item(), rel=1e-4)  # fmt: skip


def test_the_path_of_integrated_gradients_is_shared(engine: Engine, steps: Steps) -> None:
    list(steps("integrated_gradients", **CNN))
    after = result(steps("conductance", **CNN))
    engine.workshop.sweeps._runs.clear()
    alone = result(steps("conductance", **CNN))
    assert np.array_equal(after.values["stage2"], alone.values["stage2"])
    assert after.passes == alone.passes  # it tells what was spent, whoever paid
