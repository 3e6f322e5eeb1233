"""The process's own engine for the page tests: nothing is patched, weights are real, runs go to the session's home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backend.data.frames import Preprocess
from backend.models import catalog

if TYPE_CHECKING:
    from backend.engine.stepping import Engine

HOSTILE = ("<b>nought</b>", "*one* [here](http://example.org)", "$x$ :red[two]")


@pytest.fixture(scope="session", autouse=True)
def real_engine(session_home: Path) -> Iterator[Engine]:
    """The engine the pages find, as they find it; closed before the home it writes to is gone."""
    from backend import engine

    running = engine.engine()
    yield running
    running.close()
    engine._engines.clear()


def _flat() -> object:
    """Logits of three classes: one that no pixel moves, one for the left half, one for the right half."""
    import torch
    from torch import nn

    linear = nn.Linear(64, 3)
    columns = torch.arange(64) % 8
    with torch.no_grad():
        linear.weight.copy_(torch.stack([torch.zeros(64), (columns < 4) * 0.05, (columns >= 4) * 0.05]))
        linear.bias.copy_(torch.tensor([9.0, 0.0, 0.0]))
    return nn.Sequential(nn.Flatten(), linear)


@pytest.fixture(scope="session", autouse=True)
def flat_model() -> Iterator[str]:
    """An operator's model without spatial layers, whose first class no pixel moves and whose labels are full of markup."""
    name = "flat <i>model</i>"
    catalog.add_model(name, _flat, Preprocess(8, 8, 8, mean=(78.0,), std=(96.0,)), HOSTILE)
    yield name
    del catalog._operator.models[name]
