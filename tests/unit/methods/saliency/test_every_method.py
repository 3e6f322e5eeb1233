"""What holds for every method and check: the model is left as it was found, the forecast is kept, the result has its shape."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import backend
from backend.data.samples import samples
from backend.engine.asking import Asking
from backend.engine.stepping import Engine
from backend.methods import registry
from backend.methods.question import ClassLogit, Contrast, Question, Runs
from backend.methods.registry import Teaching, method, method_named, sweep
from backend.methods.saliency.result import Saliency
from backend.methods.steps import PassCount, Result
from backend.models.loaded import ImageModel
from tests.unit.methods.saliency.conftest import Explain, asking, steps

METHODS = [chosen.name for chosen in registry.methods("saliency")]
CHECKS = [check.name for check in registry.checks() if ClassLogit in check.targets]
DIGIT = samples("digit")[0].name
FEW: dict[str, dict[str, Any]] = {"rise": {"masks": 100, "precision": "exact"}, "smoothgrad": {"samples": 24}}
FEWER: dict[str, dict[str, Any]] = {  # for photos
    "rise": {"masks": 50}, "smoothgrad": {"samples": 8}, "integrated_gradients": {"steps": 16}, "occlusion": {"cells": 3},
}  # fmt: skip


@pytest.fixture
def on_lite0() -> dict[str, Any]:
    """The default model and its first photo."""
    return {"model": "efficientnet-lite0", "sample": "cat", "target": 285}


@pytest.fixture
def on_digits() -> dict[str, Any]:
    """A small model, for checks and for what needs no photo."""
    return {"model": "digits-cnn", "sample": DIGIT, "target": 3}


def of_check(name: str, run: Question) -> Question:
    """The check's question about a run."""
    return Question(name, run.model, Runs((run,)), method_named(name).params(), run.target)


def state(held: Asking) -> tuple[Tensor, str]:
    """The sample's logits, and the SHA-256 of all weights."""
    with torch.inference_mode():
        logits = held.model.module(held.sample[None].contiguous(memory_format=held.model.memory_format)).clone()
    digest = hashlib.sha256()
    for name, tensor in held.model.module.state_dict().items():
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return logits, digest.hexdigest()


def hooks(model: ImageModel) -> int:
    """Hooks of any kind on any module."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in model.module.modules() for kind in kinds)


def same(before: tuple[Tensor, str], after: tuple[Tensor, str]) -> bool:
    """Whether not one bit differs."""
    return torch.equal(before[0], after[0]) and before[1] == after[1]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_leaves_logits_and_weights_as_they_were_and_no_hook_at_any_step(
    engine: Engine, on_lite0: dict[str, Any], name: str
) -> None:
    held = asking(engine, name, **on_lite0)
    before = state(held)
    for _ in steps(engine, name, **on_lite0, **FEWER.get(name, {})):
        assert hooks(held.model) == 0
    assert same(before, state(held))
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in held.model.module.parameters())


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_leaves_logits_and_weights_as_they_were_and_no_hook_at_any_step(
    engine: Engine, on_digits: dict[str, Any], name: str
) -> None:
    run = backend.ask("integrated_gradients", **on_digits)
    held = Asking(of_check(name, run), engine.workshop)
    before = state(held)
    for _ in method_named(name).run(held.question, held):
        assert hooks(held.model) == 0
    assert same(before, state(held))


def test_a_changed_weight_and_a_forgotten_hook_would_be_seen(engine: Engine, on_digits: dict[str, Any]) -> None:
    held = asking(engine, "gradient", **on_digits)
    before, weight = state(held), held.model.module.head.weight
    handle = held.model.module.head.register_forward_hook(lambda *_: None)
    assert hooks(held.model) == 1
    handle.remove()
    kept = weight[0, 0].item()
    with torch.no_grad():
        weight[0, 0] = float(np.nextafter(np.float32(kept), np.float32(9)))
    changed = state(held)
    with torch.no_grad():
        weight[0, 0] = kept
    assert not same(before, changed)
    assert same(before, state(held))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_stopped_half_way_leaves_no_hook(engine: Engine, on_digits: dict[str, Any], name: str) -> None:
    held = asking(engine, name, **on_digits)
    before = state(held)
    running: Iterator[Any] = steps(engine, name, **on_digits, **FEW.get(name, {}))
    next(running)
    running.close()  # type: ignore[attr-defined]
    assert hooks(held.model) == 0
    assert same(before, state(held))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_that_fails_leaves_no_hook_and_runs_when_asked_again(
    engine: Engine, explain: Explain, on_digits: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = asking(engine, name, **on_digits)
    before = state(held)

    def broken(pixels: Tensor) -> Tensor:
        raise ZeroDivisionError("the model broke")

    with monkeypatch.context() as patch:
        patch.setattr(held.model.module.head, "forward", broken)
        with pytest.raises(ZeroDivisionError):
            list(steps(engine, name, **on_digits, **FEW.get(name, {})))
    assert hooks(held.model) == 0
    assert same(before, state(held))
    assert explain(name, **on_digits, **FEW.get(name, {})).blank is None


class Counter:
    """Rows through a module, forward and with a gradient, counted where the module is entered."""

    def __init__(self, module: nn.Module, patch: pytest.MonkeyPatch) -> None:
        self.forward, self.backward = 0, 0
        real = module.forward

        def counted(pixels: Tensor) -> Tensor:
            self.forward += len(pixels)
            self.backward += len(pixels) if pixels.requires_grad else 0
            return real(pixels)

        patch.setattr(module, "forward", counted)

    @property
    def rows(self) -> PassCount:
        """Rows so far."""
        return PassCount(self.forward, self.backward)


@pytest.mark.parametrize(
    ("name", "params"),
    [("gradient", {}), ("input_x_gradient", {}), ("grad_cam", {}), ("smoothgrad", {}), ("smoothgrad", {"samples": 12}),
     ("integrated_gradients", {"rule": "midpoint", "steps": 24}),
     ("integrated_gradients", {"rule": "gauss-legendre", "steps": 8}),
     ("occlusion", {}), ("occlusion", {"cells": 3, "overlap": 4}), ("rise", {"precision": "exact"}),
     ("rise", {"masks": 50, "cells": 3, "precision": "exact"})],
)  # fmt: skip
def test_the_forecast_is_what_was_spent_and_what_the_result_tells(
    engine: Engine, on_digits: dict[str, Any], name: str, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = asking(engine, name, **on_digits, **params)
    counter = Counter(held.model.module, monkeypatch)
    found = list(steps(engine, name, **on_digits, **params))[-1]
    forecast = method_named(name).cost(held.question.params, held.model.card)
    assert isinstance(found, Result)
    assert counter.rows == found.value.passes == forecast


def test_every_method_is_in_that_forecast_but_the_adaptive_rule_whose_forecast_is_a_cap(
    engine: Engine, on_digits: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = asking(engine, "integrated_gradients", **on_digits)
    counter = Counter(held.model.module, monkeypatch)
    found = list(steps(engine, "integrated_gradients", **on_digits))[-1]
    forecast = method_named("integrated_gradients").cost(held.question.params, held.model.card)
    assert isinstance(found, Result)
    assert counter.rows == found.value.passes
    assert found.value.passes.forward <= forecast.forward == held.question.params.steps
    assert set(METHODS) == {
        "gradient", "input_x_gradient", "grad_cam", "smoothgrad", "integrated_gradients", "occlusion", "rise",
    }  # fmt: skip


@pytest.mark.parametrize("params", [{}, {"rule": "gauss-legendre"}], ids=["defaults", "fixed-rule"])
@pytest.mark.parametrize("name", METHODS)
def test_the_first_picture_comes_after_two_passes_of_one_row_at_most(
    engine: Engine, on_digits: dict[str, Any], name: str, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if params and name != "integrated_gradients":
        return  # the others have no rule
    held = asking(engine, name, **on_digits, **params)
    counter = Counter(held.model.module, monkeypatch)
    first = next(steps(engine, name, **on_digits, **params))
    assert isinstance(first.value, Saliency)  # type: ignore[union-attr]
    assert counter.forward <= 2


@pytest.mark.parametrize("name", METHODS)
def test_a_result_has_the_agreed_shape(engine: Engine, explain: Explain, on_lite0: dict[str, Any], name: str) -> None:
    held = asking(engine, name, **on_lite0)
    result = explain(name, **on_lite0, **FEWER.get(name, {}))
    assert result.attribution.dtype == np.float32
    assert result.attribution.ndim == 3
    assert result.attribution.shape[0] in (1, 3)
    assert result.heatmap.shape == held.sample.shape[1:] == (224, 224)
    assert np.array_equal(result.heatmap, result.attribution.sum(0))
    assert result.cells.dtype == np.float32
    assert result.target == ClassLogit(285)
    logit = held.forward(held.sample[None]).logits[0, 285].item()
    assert result.logit == pytest.approx(logit, rel=1e-4)
    assert result.unit in ("logit", "logit per unit of input", "probability", "weighted activation")
    assert result.passes.forward > 0
    assert result.seconds > 0
    assert result.blank is None
    assert np.isfinite(result.attribution).all()


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("name", METHODS)
def test_methods_run_in_the_types_a_question_may_name(explain: Explain, on_digits: dict[str, Any], name: str, dtype: str) -> None:
    plain = explain(name, **on_digits, **FEW.get(name, {}))
    other = explain(name, **on_digits, **FEW.get(name, {}), dtype=dtype)
    assert other.attribution.dtype == np.float32
    least = 0.999 if dtype == "float64" else 0.7  # bfloat16 has 8 bits
    assert np.corrcoef(plain.heatmap.ravel(), other.heatmap.ravel())[0, 1] > least


@pytest.mark.parametrize("name", METHODS)
def test_the_map_of_a_contrast_is_the_difference_of_the_maps(explain: Explain, on_digits: dict[str, Any], name: str) -> None:
    values = {**on_digits, **FEW.get(name, {}), "dtype": "float64"}
    if name == "integrated_gradients":
        values["rule"] = "midpoint"  # the adaptive path has other points for another target
    a, b, both = (explain(name, **{**values, "target": target}) for target in (3, 8, Contrast(3, 8)))
    largest = max(np.abs(result.attribution).max() for result in (a, b, both))
    assert np.abs(both.attribution - (a.attribution - b.attribution)).max() <= 1e-5 * largest
    assert np.abs(both.attribution - a.attribution).max() > 0.01 * largest
    assert both.logit == pytest.approx(a.logit - b.logit)


@pytest.mark.parametrize("name", METHODS)
def test_a_seed_gives_the_same_map_twice(engine: Engine, on_digits: dict[str, Any], name: str) -> None:
    values = {**on_digits, **FEW.get(name, {})}
    maps = []
    for seed in (0, 0, 1):
        engine.workshop.sweeps._runs.clear()
        maps.append(list(steps(engine, name, **values, seed=seed))[-1].value.attribution)  # type: ignore[union-attr]
    assert np.array_equal(maps[0], maps[1])
    assert np.array_equal(maps[0], maps[2]) == (name not in ("rise", "smoothgrad"))


@pytest.mark.parametrize("chosen", registry.methods("saliency"), ids=METHODS)
def test_each_method_says_what_it_asks_what_it_cannot_tell_and_where_it_comes_from(chosen: registry.Method) -> None:
    teaching = chosen.teaching
    for sentence in (teaching.asks, teaching.cannot, teaching.paper):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert 20 < len(sentence) < 250
    assert teaching.asks.startswith("Asks ")
    assert teaching.cannot.startswith("It cannot tell ")
    assert any(str(year) in teaching.paper for year in range(2013, 2027))
    assert chosen.returns is Saliency


def test_a_name_can_be_registered_once() -> None:
    taken = method_named("gradient")
    with pytest.raises(ValueError, match="'gradient' is registered already"):
        method(
            "gradient", title="", page="saliency", params=taken.params, inputs=taken.inputs, needs=taken.needs,
            returns=taken.returns, teaching=Teaching("", "", ""), cost=taken.cost,
        )(taken.run)  # fmt: skip
    with pytest.raises(ValueError, match="'windows' is registered already"):
        sweep("windows", params=taken.params, by_target=False)(taken.run)
    assert method_named("gradient") is taken
    with pytest.raises(ValueError, match="no method named 'gradients'; there are .*grad_cam, gradient, "):
        method_named("gradients")
    with pytest.raises(ValueError, match="no sweep named 'x'; there are alpha_path, "):
        registry.sweep_named("x")
