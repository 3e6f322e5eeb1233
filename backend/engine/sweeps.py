"""Sweeps under way or done, shared by every method that reads them and kept under a byte budget."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from backend.methods.question import Image, Question, Runs
from backend.methods.registry import sweep_named
from backend.methods.steps import PassCount


class Sweep(Protocol):
    """A snapshot of a series of passes after `done` of `total`."""

    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def nbytes(self) -> int: ...


@dataclass(frozen=True)
class Reading:
    """A sweep's snapshot with what it has cost so far, whoever paid."""

    sweep: Any
    passes: PassCount
    seconds: float


class SweepRun:
    """One sweep, advanced by whoever reads beyond its latest snapshot; it pauses where nobody reads."""

    def __init__(self, snapshots: Iterator[Any], spent: Callable[[], PassCount]) -> None:
        self._work: tuple[Iterator[Any], Callable[[], PassCount]] | None = (snapshots, spent)
        self._failure: Exception | None = None
        self.latest: Reading | None = None
        self.version = 0
        self._seconds = 0.0

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self._work is None

    def advance(self) -> None:
        """Run one chunk of passes and keep its snapshot. Raises what the sweep raises, to each of its readers."""
        if self._failure:
            raise self._failure
        assert self._work is not None
        snapshots, spent = self._work
        before = time.perf_counter()
        try:
            snapshot = next(snapshots, None)
        except Exception as error:
            self._failure = error
            raise
        self._seconds += time.perf_counter() - before
        if snapshot is not None:
            self.latest = Reading(snapshot, spent(), self._seconds)
            self.version += 1
        if snapshot is None or snapshot.done >= snapshot.total:
            self._work = None  # what the series held, its model too, is free to go

    def read(self) -> Iterator[Reading]:
        """The latest snapshot if there is one, then each new one until the sweep is done."""
        seen = 0
        while True:
            if self.version == seen and not self.finished:
                self.advance()
            if self.version == seen:
                return
            seen = self.version
            assert self.latest is not None
            yield self.latest


class SweepCache:
    """Sweeps by key, least recently read dropped first when their bytes pass the budget."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._runs: OrderedDict[Hashable, SweepRun] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._runs

    @property
    def nbytes(self) -> int:
        """Bytes held by the latest snapshots."""
        return sum(run.latest.sweep.nbytes for run in self._runs.values() if run.latest)

    def read(self, key: Hashable, start: Callable[[], SweepRun]) -> Iterator[Reading]:
        """Read the sweep of that key, started where it is not known; a sweep that failed is forgotten."""
        if key not in self._runs:
            self._runs[key] = start()
        self._runs.move_to_end(key)
        run = self._runs[key]
        try:
            for reading in run.read():
                self._trim(keep=key)
                yield reading
        except GeneratorExit:
            raise
        except BaseException:
            self._runs.pop(key, None)
            raise

    def complete(self, key: Hashable) -> bool:
        """Whether the sweep is done, so that reading it costs no pass."""
        run = self._runs.get(key)
        return run is not None and run.finished

    def _trim(self, keep: Hashable) -> None:
        while self.nbytes > self.budget and len(self._runs) > 1:
            oldest = next(key for key in self._runs if key != keep)
            del self._runs[oldest]


def subject(question: Question) -> Image:
    """The image a question is about; for a check, that of the run it checks. Raises ValueError where it is about none."""
    inputs = question.inputs
    if isinstance(inputs, Runs):
        return subject(inputs.questions[0])
    if not isinstance(inputs, Image):
        raise ValueError(f"{question.method} is asked of {type(inputs).__name__.lower()}, not of an image")
    return inputs


def sweep_key(question: Question, name: str, params: Any) -> tuple[Any, ...]:
    """What makes two sweeps the same series of passes."""
    target = question.target if sweep_named(name).by_target else None
    return (name, params, question.model, question.edits, subject(question), target, question.seed)
