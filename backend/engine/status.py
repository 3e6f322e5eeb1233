"""What the engine says of itself and of a question before it runs."""

from __future__ import annotations

from dataclasses import dataclass

from backend.methods.steps import PassCount


@dataclass(frozen=True)
class Status:
    """The engine in a line, for the sidebar. `progress` is of all live work, 0 to 1; None when idle."""

    device: str
    running: int
    waiting: int
    progress: float | None
    ready: bool
    problem: str | None


@dataclass(frozen=True)
class Forecast:
    """What a question would cost: rows through the model, and seconds at the pace measured so far."""

    passes: PassCount
    seconds: float
