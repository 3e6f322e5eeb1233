"""Planted language models on offer, as an operator would add them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from backend.models import catalog
from backend.models.catalog import add_language_model
from tests.unit.methods.neurons.planted_transformer import LANGUAGES, PLAN, TWO_LANGUAGES, build


@pytest.fixture
def planted_models() -> Iterator[tuple[str, str]]:
    """Names of the planted transformer and of its shuffled double."""
    names = ("planted", "planted-shuffled")
    add_language_model(names[0], lambda: build(PLAN))
    add_language_model(names[1], lambda: build(PLAN, shuffled=True))
    yield names
    for name in names:
        del catalog._operator.languages[name]


@pytest.fixture
def two_languages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str, str]]:
    """Names of the two-language model, of its shuffled double, and of a folder with a file of random text in each language."""
    names = ("two-languages", "two-languages-shuffled")
    add_language_model(names[0], lambda: build(TWO_LANGUAGES))
    add_language_model(names[1], lambda: build(TWO_LANGUAGES, shuffled=True))
    folder, generator = tmp_path / "tongues", np.random.default_rng(0)
    folder.mkdir()
    for language, (words, _) in LANGUAGES.items():
        lines = [" ".join(generator.choice(words, 60)) for _ in range(40)]
        (folder / f"{language}.txt").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("VITRINE_DATA", str(folder))
    yield (*names, "folder-tongues")
    for name in names:
        del catalog._operator.languages[name]
