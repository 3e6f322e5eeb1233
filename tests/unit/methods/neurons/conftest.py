"""Planted language models on offer, as an operator would add them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.models import catalog
from backend.models.catalog import add_language_model
from tests.unit.methods.neurons.planted_transformer import PLAN, build


@pytest.fixture
def planted_models() -> Iterator[tuple[str, str]]:
    """Names of the planted transformer and of its shuffled double."""
    names = ("planted", "planted-shuffled")
    add_language_model(names[0], lambda: build(PLAN))
    add_language_model(names[1], lambda: build(PLAN, shuffled=True))
    yield names
    for name in names:
        del catalog._operator.languages[name]
