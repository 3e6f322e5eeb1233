"""A random language model small enough to look at every activation, on a folder of random words, and a build driven by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from backend.data.corpora import corpus
from backend.engine.asking import asking_for
from backend.engine.workshop import Workshop
from backend.methods.neurons.index import building
from backend.methods.neurons.index.collector import Batch, Collector
from backend.methods.neurons.neuron_index import NeuronIndex
from backend.methods.question import Corpus, ModelRef, Question
from backend.methods.steps import Step
from backend.models import catalog

WORDS = 60
NAME = "tiny-random"


def tiny_language_model(scale: float = 1.0) -> tuple[Any, Tokenizer]:
    """Two blocks of 24 neurons and 4 heads, its weights drawn by a seed."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=WORDS, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=256, tie_word_embeddings=True, initializer_range=0.4,
    )  # fmt: skip
    module = LlamaForCausalLM(config)
    with torch.no_grad():
        module.model.layers[1].mlp.up_proj.weight *= scale
    tokenizer = Tokenizer(WordLevel({f"w{number}": number for number in range(WORDS)}, unk_token="w0"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return module, tokenizer


@pytest.fixture
def tiny() -> Iterator[str]:
    """The random language model's name in the catalog."""
    catalog.add_language_model(NAME, tiny_language_model)
    yield NAME
    del catalog._operator.languages[NAME]


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """A folder of 400 texts of 9 to 40 random words, as an operator's corpus."""
    folder, draw = tmp_path / "words", np.random.default_rng(1)
    folder.mkdir()
    texts = (" ".join(f"w{word}" for word in draw.integers(1, WORDS, draw.integers(9, 41))) for _ in range(400))
    for number, text in enumerate(texts):
        (folder / f"{number:03}.txt").write_text(text)
    monkeypatch.setenv("VITRINE_DATA", str(folder))
    return corpus("folder-words")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Indexes of a test are its own."""
    home = tmp_path / "home"
    monkeypatch.setenv("VITRINE_HOME", str(home))
    return home


@dataclass
class Seen:
    """Every activation that was handed to the collector: by layer and item, float32 (positions that count, units)."""

    values: dict[str, dict[int, np.ndarray]] = field(default_factory=dict)

    def all_of(self, layer: str) -> np.ndarray:
        """All activations of a layer, (positions, units)."""
        return np.concatenate(list(self.values[layer].values()))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    found, real = Seen(), Collector.add

    def add(self: Collector, layer: str, values: torch.Tensor, batch: Batch) -> None:
        held = values.clone()
        held = torch.linalg.vector_norm(held, dim=-1) if held.dim() == 4 else held
        for row, item in enumerate(batch.items):
            length = batch.lengths[row] if batch.lengths else held.shape[1]
            assert item not in found.values.get(layer, {}), "an item was collected twice"
            found.values.setdefault(layer, {})[item] = held[row, batch.skip : length].numpy()
        real(self, layer, values, batch)

    monkeypatch.setattr(Collector, "add", add)
    return found


def steps(model: str, on: Corpus, items: int, seed: int = 0) -> Iterator[Step]:
    """The steps of a build, driven by the test."""
    question = Question("neuron_index", ModelRef(model), on, NeuronIndex(items), seed=seed)
    return building.build(question, asking_for(question, Workshop("cpu")))


@pytest.fixture
def every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every batch."""
    monkeypatch.setattr(building, "FIRST_CHECKPOINT", 0.0)
    monkeypatch.setattr(building, "CHECKPOINT", 0.0)
    monkeypatch.setattr(building, "LARGEST_SHARE", float("inf"))


@pytest.fixture
def weights(own_home: Path, session_home: Path) -> None:
    """The default models' weights in the test's home."""
    own_home.mkdir(exist_ok=True)
    (own_home / "models").symlink_to((session_home / "models").resolve(), target_is_directory=True)
