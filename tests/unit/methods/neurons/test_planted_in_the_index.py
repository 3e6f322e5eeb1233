"""The unit index finds the words that planted detectors fire on; of a shuffled detector it finds others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backend
from backend.data.corpora import corpus, text_corpus
from backend.engine.stepping import Engine
from backend.methods.neurons.unit import Unit
from backend.store.unit_index import UnitRecord, open_index
from tests.unit.methods.neurons.planted_transformer import DETECTORS, PLAN, tokenizer

FOLDER = "folder-planted-words"


@pytest.fixture
def words_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus of random words in which every planted word is one in thirty, indexed under a home of its own."""
    folder, generator = tmp_path / "planted words", np.random.default_rng(0)
    folder.mkdir()
    vocabulary = (*PLAN.words, *(f"w{number}" for number in range(10)))
    lines = [" ".join(generator.choice(vocabulary, 20)) for _ in range(300)]
    (folder / "words.txt").write_text("\n\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("VITRINE_DATA", str(folder))


def record_of(model: str, layer: str, unit: int) -> UnitRecord:
    progress = backend.run("neuron_index", model=model, sample=corpus(FOLDER))
    assert progress.finished
    index = open_index(model, progress.revision, corpus(FOLDER))
    assert index is not None
    return index.record(Unit(layer, unit))


def peaks(found: UnitRecord) -> set[str]:
    """The words at the places of the strongest examples."""
    texts, words = text_corpus(corpus(FOLDER), tokenizer(PLAN)), tokenizer(PLAN)
    return {words.id_to_token(int(texts.item(example.item)[example.place])) for example in found.examples["top"]}


@pytest.mark.parametrize(("layer", "unit"), DETECTORS)
def test_the_strongest_examples_are_the_planted_words(
    engine: Engine, planted_models: tuple[str, str], words_on_disk: None, layer: str, unit: int
) -> None:
    found = record_of(planted_models[0], layer, unit)
    assert peaks(found) <= set(DETECTORS[layer, unit][0])
    assert found.maximum > 10 * abs(found.minimum)
    assert found.skewness > 1  # silent but for its words


def test_a_shuffled_detector_fires_on_other_words(
    engine: Engine, planted_models: tuple[str, str], words_on_disk: None
) -> None:
    (layer, unit), (words, _) = next(iter(DETECTORS.items()))
    assert not peaks(record_of(planted_models[1], layer, unit)) <= set(words)
