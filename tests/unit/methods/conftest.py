"""Two throw-away methods, so that the contracts are tested on nothing but themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from backend.methods import registry
from backend.methods.params import Range
from backend.methods.question import ClassLogit, Image, Runs
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step


@dataclass(frozen=True)
class Polish:
    """Parameters of every kind a form knows."""

    steps: Annotated[int, Range(8, 256, step=8), "Points on the path."] = 64
    strength: Annotated[float, Range(0, 1, step=0.05), "How hard to rub."] = 0.5
    cloth: Literal["felt", "silk"] = "felt"
    scale: Literal[0.5, 1.0] = 1.0  # type: ignore[valid-type]
    wet: bool = False
    name: str = ""


@dataclass(frozen=True)
class Inspect:
    """Parameters of the check."""

    rounds: Annotated[int, Range(1, 9)] = 3


@pytest.fixture(scope="module", autouse=True)
def throw_away() -> Iterator[None]:
    shared: dict[str, Any] = {
        "page": "shared", "needs": frozenset(), "returns": float, "teaching": Teaching("", "", ""),
        "cost": lambda params, card: PassCount(),
    }  # fmt: skip

    @method("test_polish", title="Polish", params=Polish, inputs=Image, targets=(ClassLogit,), **shared)
    def polish(question: Any, passes: Any) -> Iterator[Step]:
        yield from ()

    @method("test_inspect", title="Inspect", params=Inspect, inputs=Runs, is_check=True, **shared)
    def inspect(question: Any, passes: Any) -> Iterator[Step]:
        yield from ()

    yield
    for name in ("test_polish", "test_inspect"):
        del registry._registry.methods[name]
