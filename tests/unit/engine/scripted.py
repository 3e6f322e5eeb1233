"""Methods whose every step a test decides, on a model of one weight, so that the engine is tested on nothing but itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from backend.data.samples import sample_image, samples
from backend.engine.job import Snapshot
from backend.engine.stepping import Engine
from backend.methods.question import ClassLogit, Image, ModelRef, Question
from backend.methods.steps import Partial, Result, Step

PATIENCE = 20.0  # seconds until a test that waits for a thread gives up
END = object()  # an act that gives this ends the method there, without a result


@dataclass(frozen=True)
class Script:
    """Parameters of the scripted method: which one it is, and how many steps it takes."""

    name: str = "a"
    steps: int = 3


@dataclass(frozen=True)
class Count:
    """What the scripted method has counted so far."""

    name: str
    count: int


@dataclass
class Stage:
    """Where scripted methods play. `played` lists (name, step) in the order the engine's thread took them.

    acts: by (name, step), what happens inside that step: raise, wait, advance a clock, or END.
    """

    played: list[tuple[str, int]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    acts: dict[tuple[str, int], Callable[[], Any]] = field(default_factory=dict)

    def run(self, question: Question, asking: Any) -> Iterator[Step]:
        """The scripted method: a Partial a step, then the Result."""
        name, steps = question.params.name, question.params.steps
        try:
            for step in range(1, steps + 1):
                self.played.append((name, step))
                if self.acts.get((name, step), lambda: None)() is END:
                    return
                yield Partial(Count(name, step), step, steps)
            yield Result(Count(name, steps))
        finally:
            self.closed.append(name)


class Gate:
    """Holds the engine's thread at a place the test chose until the test lets it go."""

    def __init__(self) -> None:
        self._reached, self._open = threading.Event(), threading.Event()

    def __call__(self, *_: Any) -> None:
        self._reached.set()
        assert self._open.wait(PATIENCE), "the test never opened the gate"

    def reached(self) -> None:
        """Wait until the thread stands at the gate."""
        assert self._reached.wait(PATIENCE), "the engine never came to the gate"

    def open(self) -> None:
        """Let it through, now and later."""
        self._open.set()


@dataclass
class Shelf:
    """An archive that remembers what it was given."""

    records: list[tuple[str, str, Any, int, int]] = field(default_factory=list)
    written: threading.Condition = field(default_factory=threading.Condition)
    results: dict[str, Any] = field(default_factory=dict)

    def record(self, question: Question, result: Any, *, state: str, done: int, total: int, seconds: float) -> None:
        """Keep a run."""
        with self.written:
            self.records.append((question.params.name, state, result, done, total))
            self.written.notify_all()

    def recall(self, question: Question) -> Any | None:
        """A run kept earlier, by its question's hash."""
        return self.results.get(question.hash)

    def wait_for(self, count: int) -> None:
        """Wait until that many runs were kept."""
        with self.written:
            assert self.written.wait_for(lambda: len(self.records) >= count, PATIENCE)


@dataclass
class Clock:
    """Seconds that pass when the test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def scripted(name: str = "a", steps: int = 3, method: str = "test_scripted") -> Question:
    """A question of the scripted method about a digit."""
    sample = Image(sample_image(samples("digit")[0].name))
    return Question(method, ModelRef("test-linear"), sample, Script(name, steps), ClassLogit(0))


def finish(engine: Engine, subscription: str) -> Snapshot:
    """Wait for the job's end."""
    snapshot = engine.wait_final(subscription, PATIENCE)
    assert snapshot is not None
    assert snapshot.final, "the job did not end"
    return snapshot
