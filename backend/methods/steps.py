"""What a method yields (steps) and what the engine tells about it (events)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PassCount:
    """Rows sent through the model: forward, and backward to the input."""

    forward: int = 0
    backward: int = 0

    def __add__(self, other: PassCount) -> PassCount:
        return PassCount(self.forward + other.forward, self.backward + other.backward)


@dataclass(frozen=True)
class Progress:
    """Work done of work planned, before there is anything to show."""

    done: int
    total: int


@dataclass(frozen=True)
class Partial:
    """A whole snapshot of the result as it stands after `done` of `total`."""

    value: Any
    done: int
    total: int


@dataclass(frozen=True)
class Result:
    """The finished result; the last step of every method."""

    value: Any


@dataclass(frozen=True)
class Queued:
    """Waiting behind `position` other jobs."""

    position: int


@dataclass(frozen=True)
class Failed:
    """The method ended with an error: `reason` for the user, `hint` says the way out."""

    reason: str
    hint: str = ""


@dataclass(frozen=True)
class Cancelled:
    """The last subscriber left; the last snapshot stands."""

    done: int
    total: int


Step = Progress | Partial | Result
Event = Queued | Progress | Partial | Result | Failed | Cancelled
FINAL = (Result, Failed, Cancelled)
