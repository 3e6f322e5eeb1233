"""The planted model and maps, registered for one test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import backend
import backend.methods.catalog  # registers all methods before the planted ones
from backend.engine.stepping import Engine
from backend.methods import registry
from backend.methods.question import ClassLogit, Contrast, Image
from backend.methods.registry import Teaching, method
from backend.methods.saliency.result import Saliency
from backend.methods.steps import PassCount
from backend.models import catalog
from tests.unit.evidence import planted

Ask = Callable[..., Saliency]


@dataclass(frozen=True)
class NoParams:
    """Nothing to choose."""


@pytest.fixture(autouse=True)
def planted_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model `test-region` and the methods `test_right`, `test_wrong`, `test_blank`, `test_blind` and `test_tampered`."""
    monkeypatch.setattr(catalog, "_operator", catalog._Operator())
    monkeypatch.setattr(registry._registry, "methods", dict(registry._registry.methods))
    backend.add_model("test-region", planted.RegionModel, planted.FRAME, ("checker", "nothing"))
    for run in (planted.right, planted.wrong, planted.blank, planted.blind, planted.tampered):
        method(
            f"test_{run.__name__}", title=run.__name__, page="shared", params=NoParams, inputs=Image, needs=frozenset(),
            targets=(ClassLogit, Contrast), returns=Saliency, teaching=Teaching("", "", ""),
            cost=lambda params, card: PassCount(),
        )(run)  # fmt: skip


@pytest.fixture
def planted_map(engine: Engine) -> Ask:
    """Ask for a map of the planted model on its photo."""

    def ask(name: str, **values: Any) -> Saliency:
        return backend.run(name, **({"model": "test-region", "sample": planted.photo(), "target": 0} | values))

    return ask


@pytest.fixture
def digit_map(engine: Engine) -> Ask:
    """Ask for a map of the shipped digits model on a held-out digit."""

    def ask(name: str, **values: Any) -> Saliency:
        from backend.data.samples import samples

        return backend.run(name, **({"model": "digits-cnn", "sample": samples("digit")[0].name} | values))

    return ask
