"""A stage for scripted methods, a planted model, and engines that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import backend.methods.catalog  # noqa: F401  (registers all methods before the scripted ones)
from backend.engine.stepping import Engine
from backend.engine.workshop import Workshop
from backend.methods import registry
from backend.methods.question import ClassLogit, Image
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount
from backend.models import catalog
from backend.models.catalog import add_model
from tests.unit.engine import planted
from tests.unit.engine.scripted import Clock, Count, Gate, Script, Shelf, Stage

Start = Callable[..., Engine]


@pytest.fixture(autouse=True)
def planted_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The model of scripted questions."""
    monkeypatch.setattr(catalog, "_operator", catalog._Operator())
    add_model("test-linear", planted.linear, planted.FRAME, planted.LABELS)
    planted.Watched.reset()
    yield
    planted.Watched.reset()


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Where the methods `test_scripted` and, in the background lane, `test_scripted_background` play."""
    played = Stage()
    for name, lane in (("test_scripted", "interactive"), ("test_scripted_background", "background")):
        method(
            name, title="Scripted", page="shared", params=Script, inputs=Image, targets=(ClassLogit,), needs=frozenset(),
            returns=Count, teaching=Teaching("", "", ""), cost=lambda params, card: PassCount(), lane=lane,  # type: ignore[arg-type]
        )(played.run)  # fmt: skip
    yield played
    for name in ("test_scripted", "test_scripted_background"):
        del registry._registry.methods[name]


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A gate that opens at the end, so that a failed test leaves no thread behind it."""
    made = Gate()
    yield made
    made.open()


@pytest.fixture
def clock() -> Clock:
    """The clock of leases."""
    return Clock()


@pytest.fixture
def start(clock: Clock, gate: Gate) -> Iterator[Start]:
    """Start an engine, with an archive where one is given, held in its warm-up at a gate where one is given."""
    running: list[Engine] = []

    def make(shelf: Shelf | None = None, held_at: Gate | None = None) -> Engine:
        running.append(Engine(lambda: Workshop("cpu", shelf), held_at, clock))
        return running[-1]

    yield make
    gate.open()
    for engine in running:
        engine.close()
