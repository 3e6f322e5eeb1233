"""Ways to run a method as the engine does: one question, one workshop, the passes counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import backend
from backend.engine.asking import Asking
from backend.engine.stepping import Engine
from backend.methods.registry import method_named
from backend.methods.saliency.result import Saliency
from backend.methods.steps import Result, Step
from backend.models import catalog
from tests.unit.engine import planted

Explain = Callable[..., Saliency]


@pytest.fixture
def explain(engine: Engine) -> Explain:
    """The finished result of a method, run in the test's thread on the engine's workshop; values as `backend.run` has them."""

    def run(method: str, **values: Any) -> Saliency:
        return [step.value for step in steps(engine, method, **values) if isinstance(step, Result)][-1]

    return run


def steps(engine: Engine, method: str, **values: Any) -> Iterator[Step]:
    """The steps a method yields."""
    question = backend.ask(method, **values)
    return method_named(method).run(question, Asking(question, engine.workshop))


def asking(engine: Engine, method: str, **values: Any) -> Asking:
    """What a method holds while it runs."""
    return Asking(backend.ask(method, **values), engine.workshop)


@pytest.fixture
def linear(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Offer `test-linear`, whose rows are counted, and `test-probability`, for this test."""
    monkeypatch.setattr(catalog, "_operator", catalog._Operator())
    backend.add_model("test-linear", planted.linear, planted.FRAME, planted.LABELS)
    backend.add_model("test-probability", planted.LinearProbability, planted.FRAME, ("no", "yes"))
    planted.Watched.reset()
    yield
    planted.Watched.reset()
