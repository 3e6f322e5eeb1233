"""Planted models to draw, and ways to run a method step by step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import backend
from backend.engine.asking import Asking
from backend.engine.stepping import Engine
from backend.methods.registry import method_named
from backend.methods.steps import Result, Step
from backend.models import catalog
from tests.unit.engine import planted as elsewhere
from tests.unit.methods.neurons.draw import planted


@pytest.fixture(autouse=True)
def planted_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer the planted models for this test."""
    monkeypatch.setattr(catalog, "_operator", catalog._Operator())
    backend.add_model("test-planted", planted.Planted, planted.FRAME, planted.LABELS)
    backend.add_model("test-dark", planted.Dark, planted.FRAME, ("a", "b"))
    backend.add_model("test-linear", elsewhere.linear, elsewhere.FRAME, elsewhere.LABELS)


def asking(engine: Engine, method: str, **values: Any) -> Asking:
    """What a method holds while it runs."""
    return Asking(backend.ask(method, **values), engine.workshop)


def steps(engine: Engine, method: str, **values: Any) -> Iterator[Step]:
    """The steps a method yields, in this thread."""
    held = asking(engine, method, **values)
    return method_named(method).run(held.question, held)


def result(engine: Engine, method: str, **values: Any) -> Any:
    """The finished result of a method, in this thread."""
    return [step.value for step in steps(engine, method, **values) if isinstance(step, Result)][-1]
