"""A job: one question under way, its subscribers, and the snapshot they look at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from backend.methods.question import Question
from backend.methods.registry import Lane
from backend.methods.steps import FINAL, Cancelled, Event, Failed, Partial, Progress, Queued, Result, Step

State = Literal["waiting", "running", "finished", "stopped", "failed"]


@dataclass(frozen=True)
class Snapshot:
    """Where a job stands. `value` is the latest whole result, partial until the state is "finished"."""

    question: Question
    state: State = "waiting"
    value: Any = None
    done: int = 0
    total: int = 0
    version: int = 0
    position: int = 0
    seconds: float = 0.0
    reason: str = ""
    hint: str = ""

    @property
    def final(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("finished", "stopped", "failed")

    @property
    def seconds_left(self) -> float | None:
        """Seconds of work left at the pace so far; None before there is a pace."""
        return self.seconds / self.done * (self.total - self.done) if self.done and not self.final else None


@dataclass
class Job:
    """One question under way. The engine alone changes it, under its lock."""

    question: Question
    lane: Lane
    keep: bool
    snapshot: Snapshot
    leases: dict[str, float | None] = field(default_factory=dict)  # subscription → monotonic time it ends, None never
    steps: Iterator[Step] | None = None
    stepped: int = 0
    finished_at: float = 0.0

    def tell(self, event: Event, seconds: float = 0.0) -> None:
        """Publish an event as the next snapshot."""
        spent = self.snapshot.seconds + seconds
        self.snapshot = replace(_after(self.snapshot, event), version=self.snapshot.version + 1, seconds=spent)
        if isinstance(event, FINAL):
            self.steps, self.finished_at = None, time.monotonic()

    def expire(self, now: float) -> None:
        """Drop subscribers whose lease has ended."""
        self.leases = {name: end for name, end in self.leases.items() if end is None or end > now}


def _after(snapshot: Snapshot, event: Event) -> Snapshot:
    match event:
        case Queued(position):
            return replace(snapshot, state="waiting", position=position)
        case Progress(done, total):
            return replace(snapshot, state="running", done=done, total=total, position=0)
        case Partial(value, done, total):
            return replace(snapshot, state="running", value=value, done=done, total=total, position=0)
        case Result(value):
            return replace(snapshot, state="finished", value=value, done=snapshot.total)
        case Failed(reason, hint):
            return replace(snapshot, state="failed", reason=reason, hint=hint)
        case Cancelled(done, total):
            return replace(snapshot, state="stopped", done=done, total=total)
