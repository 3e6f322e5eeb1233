"""A home of its own for each test, and runs to put there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.evidence.finding import Finding, Measure
from backend.methods.question import ClassLogit, Image, ModelRef, Question
from backend.methods.registry import method_named
from backend.methods.saliency.result import Saliency
from backend.methods.steps import PassCount
from backend.store import database as databases
from backend.store.runs import RunStore


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    yield tmp_path
    databases._opened.cache_clear()


@pytest.fixture
def runs() -> RunStore:
    return RunStore()


def ask(index: int = 285, method: str = "gradient", **changes: Any) -> Question:
    """A question about one photo; another class makes it another question."""
    params = method_named(method).params()
    return Question(method, ModelRef("efficientnet-lite0"), Image("a" * 64), params, ClassLogit(index)).asking(**changes)


def saliency(seed: int = 0, side: int = 224) -> Saliency:
    """A map with every field filled."""
    random = np.random.default_rng(seed)
    attribution = random.normal(size=(3, side, side)).astype(np.float32)
    return Saliency(
        attribution=attribution,
        cells=attribution.sum(axis=0),
        target=ClassLogit(285),
        logit=np.float32(8.9),  # type: ignore[arg-type]
        unit="logit",
        passes=PassCount(64, 64),
        seconds=1.5,
        note="64 points, sums to the logit within 1 %",
        facts={"residual": 0.01, "points": 64.0},
        layers={"blocks.3": random.normal(size=(28, 28)).astype(np.float32), "head": np.zeros((7, 7), np.float32)},
        standard_error=np.full((7, 7), 0.01, np.float32),
    )


def finding() -> Finding:
    """A check with controls and curves."""
    measure = Measure("insertion", 0.39, {"random": (0.17, 0.25), "edges": (0.24,)}, "more", "probability", "beats the control")
    return Finding(
        name="insertion_deletion",
        measures=(measure,),
        protocol="20 steps, blurred start.",
        passes=PassCount(180, 0),
        seconds=2.25,
        curves={"insertion": np.linspace(0, 1, 21, dtype=np.float32), "insertion/random": np.zeros((8, 21), np.float32)},
    )


def keep(runs: RunStore, question: Question, result: Any = None, state: str = "finished", done: int = 64) -> str:
    """Record a run with the usual numbers; returns its hash."""
    value = saliency(side=16) if result is None else result
    runs.record(question, value, state=state, done=done, total=64, seconds=1.5)
    return question.hash


def same(left: Any, right: Any) -> None:
    """Fail unless two results hold the same values of the same types."""
    if isinstance(left, np.ndarray):
        np.testing.assert_array_equal(left, right)
        assert (left.dtype, left.shape) == (right.dtype, right.shape)
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            same(left[key], right[key])
    elif isinstance(left, tuple):
        assert len(left) == len(right)
        for pair in zip(left, right, strict=True):
            same(*pair)
    elif hasattr(left, "__dataclass_fields__"):
        assert type(left) is type(right)
        for name in left.__dataclass_fields__:
            same(getattr(left, name), getattr(right, name))
    else:
        assert left == right
