"""Methods in the engine: stopped sweeps go on, switches are free and instant, memory that runs out halves the chunk."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import backend
from backend.data.samples import samples
from backend.engine.stepping import Engine
from backend.engine.sweeps import SweepCache
from backend.methods.question import Contrast, Question
from backend.methods.saliency.result import Saliency
from backend.methods.steps import PassCount
from tests.unit.engine.planted import Watched
from tests.unit.engine.scripted import Gate, finish
from tests.unit.methods.saliency.conftest import Explain

INSTANT = 0.050  # seconds a switch may take, by the issue
GENEROUS = 10  # times that, on a machine whose other work the test cannot know; the figure is printed
DIGIT = samples("digit")[0].name
OCCLUSION = {"cells": 4, "overlap": 2}  # 49 windows of 2 × 2
ROWS = 1 + 49


@pytest.fixture(autouse=True)
def _models(linear: None) -> None:
    """The planted models."""


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A gate that opens at the end."""
    made = Gate()
    yield made
    made.open()


def question(method: str = "occlusion", target: Any = 0, **params: Any) -> Question:
    """A question of the model whose rows are counted."""
    return backend.ask(method, model="test-linear", sample=DIGIT, target=target, **params)


def load_model(engine: Engine) -> None:
    """Load the counted model, and count from here."""
    finish(engine, engine.ask(question("gradient", 2)))
    Watched.reset()


def hold_after(rows: int, gate: Gate) -> None:
    """Hold the engine in the pass that brings the rows to that many."""

    def act(_: int) -> None:
        if Watched.total() >= rows:
            gate()

    Watched.act = act


def test_a_stopped_sweep_goes_on_where_it_stood(engine: Engine, explain: Explain, gate: Gate) -> None:
    load_model(engine)
    hold_after(1 + 1 + 2 + 4, gate)
    subscription = engine.ask(question(**OCCLUSION))
    gate.reached()
    engine.leave(subscription)
    gate.open()
    stopped = finish(engine, subscription)
    assert (stopped.state, stopped.done, stopped.total) == ("stopped", 7, 49)
    assert isinstance(stopped.value, Saliency)
    assert stopped.value.note.startswith("7 of 49")
    assert Watched.total() == 8  # within one chunk: the one under way was its last
    resumed = finish(engine, engine.ask(question(**OCCLUSION)))
    assert resumed.state == "finished"
    assert Watched.total() == ROWS
    assert resumed.value.passes == PassCount(ROWS)
    engine.workshop.sweeps = SweepCache(10**6)
    whole = explain("occlusion", model="test-linear", sample=DIGIT, target=0, **OCCLUSION)
    assert np.array_equal(resumed.value.attribution, whole.attribution)


def test_two_methods_of_one_sweep_share_it_while_it_runs(engine: Engine, gate: Gate) -> None:
    load_model(engine)
    hold_after(3, gate)
    subscriptions = [engine.ask(question("occlusion", target, **OCCLUSION)) for target in (0, 1, Contrast(0, 1))]
    gate.open()
    of_0, of_1, of_both = (finish(engine, subscription).value for subscription in subscriptions)
    assert Watched.total() == ROWS
    assert np.allclose(of_0.heatmap - of_1.heatmap, of_both.heatmap, atol=1e-5)


def test_a_sweep_done_makes_another_method_or_class_free_and_says_so_before(engine: Engine) -> None:
    finish(engine, engine.ask(question("gradient", 1)))
    finish(engine, engine.ask(question("occlusion", 1, **OCCLUSION)))
    Watched.reset()
    assert engine.free(question("input_x_gradient", 1))
    assert engine.free(question("occlusion", 0, **OCCLUSION))
    assert not engine.free(question("input_x_gradient", 0))  # gradients are of one target
    assert not engine.free(question("occlusion", 0, cells=3))
    finish(engine, engine.ask(question("input_x_gradient", 1)))
    finish(engine, engine.ask(question("occlusion", 0, **OCCLUSION)))
    assert Watched.total() == 0


def test_memory_that_runs_out_halves_the_chunk_and_not_the_answer(engine: Engine) -> None:
    load_model(engine)
    values = {"masks": 100, "precision": "exact"}
    plenty = finish(engine, engine.ask(question("rise", 0, **values))).value
    engine.workshop.sweeps = SweepCache(10**6)
    engine.workshop._results.clear()
    engine._jobs.clear()  # so that the question is asked anew
    Watched.reset()

    def scarce(rows: int) -> None:
        if rows > 3:
            raise torch.OutOfMemoryError(f"{rows} rows do not fit")

    Watched.act = scarce
    found = finish(engine, engine.ask(question("rise", 0, **values)))
    assert found.state == "finished"
    assert max(Watched.rows[3:]) <= 4
    assert np.allclose(found.value.attribution, plenty.attribution, atol=1e-6)
    assert found.value.passes == PassCount(101)


def test_one_row_that_does_not_fit_fails_with_the_way_out_and_the_engine_goes_on(engine: Engine) -> None:
    load_model(engine)

    def none_left(rows: int) -> None:
        raise torch.OutOfMemoryError("nothing fits")

    Watched.act = none_left
    snapshot = finish(engine, engine.ask(question("gradient", 0)))
    assert (snapshot.state, snapshot.reason) == ("failed", "One image alone does not fit in the memory of cpu.")
    assert snapshot.hint == "Close other programs, or choose a smaller model."
    Watched.act = None
    assert finish(engine, engine.ask(question("gradient", 0))).state == "finished"


@pytest.mark.parametrize(
    ("target", "message"),
    [(3, "Class 3 is outside 0 to 2, the classes of test-linear."), (-1, "Class -1 is outside 0 to 2"),
     (Contrast(1, 1), "Class 1 against itself is zero everywhere"), (Contrast(1, 9), "Class 9 is outside 0 to 2")],
)  # fmt: skip
def test_a_target_that_makes_no_sense_fails_and_says_why(engine: Engine, target: Any, message: str) -> None:
    snapshot = finish(engine, engine.ask(question("gradient", target)))
    assert snapshot.state == "failed"
    assert snapshot.reason.startswith(message)


def test_a_layer_the_model_does_not_have_fails_with_those_it_has(engine: Engine) -> None:
    asked = backend.ask("grad_cam", model="digits-cnn", sample=DIGIT, target=0, layer="blocks.3")
    assert "no layer 'blocks.3'; it has stage1, stage2, stage3" in finish(engine, engine.ask(asked)).reason


def test_a_model_without_a_spatial_layer_says_so_for_grad_cam(engine: Engine) -> None:
    snapshot = finish(engine, engine.ask(question("grad_cam", 0)))
    assert snapshot.reason == "Grad-CAM needs spatial layers, which test-linear does not offer."


def test_the_cache_keeps_its_byte_budget_with_real_sweeps(engine: Engine) -> None:
    engine.workshop.sweeps = SweepCache(200_000)
    for target in range(10):
        asked = backend.ask("gradient", model="digits-cnn", sample=DIGIT, target=target)
        finish(engine, engine.ask(asked))
        finish(engine, engine.ask(backend.ask("rise", model="digits-cnn", sample=DIGIT, target=target, masks=200, seed=target)))
        assert engine.workshop.sweeps.nbytes <= 200_000
    assert 2 <= len(engine.workshop.sweeps._runs) < 20


def median_seconds(engine: Engine, questions: list[Question]) -> float:
    """The median time from asking to the result."""
    seconds = []
    for asked in questions:
        before = time.perf_counter()
        snapshot = finish(engine, engine.ask(asked))
        seconds.append(time.perf_counter() - before)
        assert snapshot.state == "finished", snapshot.reason
    return statistics.median(seconds)


def test_method_and_layer_switches_on_a_cached_sweep_are_instant(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    cat: dict[str, Any] = {"sample": "cat", "target": 285}
    finish(engine, engine.ask(backend.ask("gradient", **cat)))
    model = engine.workshop.model(backend.ask("gradient", **cat).model)
    monkeypatch.setattr(model.module, "forward", None)  # a pass would fail
    layers = [layer.name for layer in model.card.layers]
    switches = {
        "method": [backend.ask("input_x_gradient", **cat), backend.ask("grad_cam", **cat)],
        "layer": [backend.ask("grad_cam", **cat, layer=layer) for layer in layers],
    }
    for name, questions in switches.items():
        seconds = median_seconds(engine, questions)
        print(f"\n{name} switch: {1000 * seconds:.1f} ms", end="")
        assert seconds <= GENEROUS * INSTANT


@pytest.mark.parametrize(("method", "params"), [("rise", {"masks": 1000}), ("occlusion", {})])
def test_class_switches_on_a_mask_sweep_are_instant(
    engine: Engine, method: str, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_logits(engine, monkeypatch)
    cat: dict[str, Any] = {"sample": "cat", **params}
    finish(engine, engine.ask(backend.ask(method, **cat, target=285)))
    monkeypatch.setattr("backend.engine.passes.Passes.forward", None)  # a pass would fail
    seconds = median_seconds(engine, [backend.ask(method, **cat, target=target) for target in (281, 282, 283, 284, 286)])
    print(f"\n{method} class switch: {1000 * seconds:.1f} ms", end="")
    assert seconds <= GENEROUS * INSTANT


def plant_logits(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the default model answer at once with a thousand made-up logits: only the switch is timed, not the sweep."""
    model = engine.workshop.model(backend.ask("gradient", sample="cat", target=0).model)
    fast = engine.workshop.model(backend.ask("gradient", sample="cat", target=0, dtype="bfloat16").model)
    for loaded in (model, fast):
        monkeypatch.setattr(
            loaded.module, "forward", lambda rows: rows.flatten(1)[:, :1000].float() + rows.float().mean((1, 2, 3))[:, None]
        )
