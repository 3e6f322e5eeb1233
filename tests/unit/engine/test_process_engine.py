"""The engine of the process: one, warmed by the default model, writing what pages ask to the archive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import backend
from backend.data.samples import samples
from backend.engine import engine
from backend.engine.stepping import Engine
from backend.methods.question import ModelRef
from backend.methods.saliency.result import Saliency
from backend.store.runs import RunStore
from tests.unit.engine.scripted import finish


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr("backend.engine._engines", [])
    monkeypatch.setenv("VITRINE_DEVICE", "cpu")
    started = engine()
    yield started
    started.close()


def test_there_is_one_warm_and_its_runs_are_in_the_archive_for_the_next_process(running: Engine) -> None:
    assert engine() is running
    default = backend.ask("gradient", sample="cat", target=285)
    digit = backend.ask("gradient", model="digits-cnn", sample=samples("digit")[0].name, target=3)
    assert finish(running, running.ask(default, keep=False)).state == "finished"
    status, forecast = running.status(), running.forecast(default)
    assert (status.ready, status.problem, status.device) == (True, None, "cpu")
    assert forecast is not None
    assert 0 < forecast.seconds < 10
    model = running.workshop.model(digit.model)
    named = digit.asking(model=ModelRef("digits-cnn", model.card.revision))
    found = finish(running, running.ask(named)).value
    finish(running, running.ask(backend.ask("gradient", sample="cat", target=281)))  # the run before it is archived now
    running.workshop._results.clear()
    recalled = running.workshop.known(named)
    assert isinstance(recalled, Saliency)
    assert (recalled.heatmap == found.heatmap).all()
    assert RunStore().recall(default) is None  # asked without keeping
