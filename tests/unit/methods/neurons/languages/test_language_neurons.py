"""Language neurons of a two-language model are the planted ones, cost their own language alone, and vanish when shuffled."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

import backend
from backend.data.corpora import corpus, text_corpus
from backend.engine.stepping import Engine
from backend.engine.token_passes import TokenPasses
from backend.headless import RunError
from backend.methods.neurons.language_neurons import LanguageNeurons
from backend.methods.neurons.languages.passes import FiringPasses, losses, padded, switched_off
from backend.methods.question import Corpus
from backend.models.language import language_model
from backend.models.loaded import LanguageModel
from tests.unit.methods.neurons.planted_transformer import LANGUAGES, TWO_LANGUAGES, build, flat, tokenizer

# Eight of the 128 firing rates are 1, so the bar has to be lower than usual for any to pass it.
SETTINGS: dict[str, Any] = {"share": 0.1, "quantile": 0.9, "chosen_by": 800, "tested_on": 500, "draws": 2}


def run(model: str, folder: str, **values: Any) -> LanguageNeurons:
    return backend.run("language_neurons", model=model, sample=corpus(folder), **{**SETTINGS, **values})


def test_each_language_has_the_neurons_planted_for_it(engine: Engine, two_languages: tuple[str, str, str]) -> None:
    found = run(two_languages[0], two_languages[2])
    assert found.languages == ("first.txt", "second.txt")
    expected = np.zeros((64, 2), dtype=bool)
    for number, (_, neurons) in enumerate(LANGUAGES.values()):
        for neuron in neurons:
            expected[flat(*neuron), number] = True
            assert found.firing[flat(*neuron)].tolist() == [1.0 - number, float(number)]
    assert np.array_equal(found.assigned, expected)
    assert found.firing[flat("mlp.1", 10)].tolist() == [1.0, 1.0]  # fires for both, so it stands for neither
    assert found.counts.tolist() == [[1, 1], [1, 1], [1, 0], [0, 1]]


def test_without_them_their_language_alone_suffers(engine: Engine, two_languages: tuple[str, str, str]) -> None:
    found = run(two_languages[0], two_languages[2])
    for own, other in ((0, 1), (1, 0)):
        assert found.low[own, own] > 1
        assert abs(found.change[own, other]) < 0.05
        assert abs(found.control[own]).max() < 0.05
        assert found.specificity_low[own] > 1
        assert found.low[own, own] < found.change[own, own] < found.high[own, own]


def test_in_the_shuffled_model_no_neuron_is_specific(engine: Engine, two_languages: tuple[str, str, str]) -> None:
    found = run(two_languages[1], two_languages[2])
    for number, (_, neurons) in enumerate(LANGUAGES.values()):
        assert not all(found.assigned[flat(*neuron), number] for neuron in neurons)
    assert np.abs(found.specificity).max() < 0.3


def test_the_neurons_come_before_the_test_and_rows_one_by_one(engine: Engine, two_languages: tuple[str, str, str]) -> None:
    snapshots = list(backend.stream("language_neurons", model=two_languages[0], sample=corpus(two_languages[2]), **SETTINGS))
    known = [int((~np.isnan(snapshot.change)).all(axis=1).sum()) for snapshot in snapshots]
    assert known == sorted(known)
    assert known[-1] == 2
    assert all(np.array_equal(snapshot.assigned, snapshots[-1].assigned) for snapshot in snapshots)


def test_logits_are_the_same_bits_afterwards(engine: Engine, two_languages: tuple[str, str, str]) -> None:
    before = backend.prediction(sample="a1 a2 b3", model=two_languages[0]).logits
    run(two_languages[0], two_languages[2])
    engine.workshop._results.clear()
    assert np.array_equal(backend.prediction(sample="a1 a2 b3", model=two_languages[0]).logits, before)


def test_what_holds_no_languages_is_refused(
    engine: Engine, two_languages: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "first.txt").write_bytes((tmp_path / "tongues" / "first.txt").read_bytes())
    monkeypatch.setenv("VITRINE_DATA", str(alone))
    with pytest.raises(RunError, match="has 1 sources .* between 2 and 40 are needed"):
        run(two_languages[0], "folder-alone")
    with pytest.raises(RunError, match="has changed since"):
        backend.run("language_neurons", model=two_languages[0], sample=Corpus("languages", "0" * 64))
    with pytest.raises(RunError, match="needs a vocabulary"):
        backend.run("language_neurons", model="digits-cnn", sample=corpus("languages"))


@pytest.fixture
def model() -> LanguageModel:
    module, words = build(TWO_LANGUAGES)
    return language_model("two", module.requires_grad_(False), words, "r")


def test_firing_and_loss_are_those_of_the_module(model: LanguageModel, two_languages: tuple[str, str, str]) -> None:
    """Rows of different lengths, padded, against one row at a time through the module itself."""
    texts = text_corpus(corpus(two_languages[2]), model.tokenizer)
    lengths = np.diff(texts.starts)
    items = np.array([int(lengths.argmin()), int(lengths.argmax()), 3])
    tokens, keep = padded(texts, items)
    chosen = np.zeros(64, dtype=bool)
    chosen[[flat("mlp.0", 0), flat("mlp.3", 7)]] = True
    rows = [torch.from_numpy(texts.item(int(item)).astype(np.int64))[None] for item in items]
    passes = TokenPasses(model)
    assert np.array_equal(FiringPasses(passes).counts(tokens, keep), sum(_open_gates(model, row) for row in rows))
    found = losses(passes, tokens, keep, switched_off(model, chosen))
    assert np.allclose(found, [_loss_without(model, row, chosen) for row in rows], rtol=1e-4)
    assert not np.allclose(found, losses(passes, tokens, keep, []), rtol=1e-2)


def _open_gates(model: LanguageModel, row: torch.Tensor) -> np.ndarray:
    module: Any = model.module
    gates: list[torch.Tensor] = []
    blocks = module.model.layers
    handles = [block.mlp.gate_proj.register_forward_hook(lambda _, __, out: gates.append(out[0])) for block in blocks]
    with torch.no_grad():
        module(row)
    for handle in handles:
        handle.remove()
    return torch.cat([(gate[1:] > 0).sum(dim=0) for gate in gates]).numpy()


def _loss_without(model: LanguageModel, row: torch.Tensor, neurons: np.ndarray) -> float:
    """The loss of a copy of the module whose output weights of the neurons are zero."""
    module: Any = copy.deepcopy(model.module)
    with torch.no_grad():
        for number, block in enumerate(module.model.layers):
            block.mlp.down_proj.weight[:, torch.from_numpy(neurons[16 * number : 16 * (number + 1)])] = 0
        logits = module(row).logits[0, :-1]
    return float(torch.nn.functional.cross_entropy(logits, row[0, 1:], reduction="sum"))


def test_without_gates_a_positive_activation_counts(two_languages: tuple[str, str, str]) -> None:
    torch.manual_seed(0)
    size = len(TWO_LANGUAGES.vocabulary)
    module = GPT2LMHeadModel(GPT2Config(vocab_size=size, n_embd=32, n_layer=2, n_head=4, n_positions=128, n_inner=48)).eval()
    model = language_model("ungated", module.requires_grad_(False), tokenizer(TWO_LANGUAGES), "r")
    texts = text_corpus(corpus(two_languages[2]), model.tokenizer)
    passes = FiringPasses(TokenPasses(model))
    assert not passes.gated
    item = texts.item(0).astype(np.int64)
    counts = passes.counts(*padded(texts, np.array([0])))
    with torch.no_grad():
        first = module.transformer.h[0]
        seen: list[torch.Tensor] = []
        handle = first.mlp.c_proj.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0][0]))
        module(torch.from_numpy(item)[None])
        handle.remove()
    assert np.array_equal(counts[:48], (seen[0][1:] > 0).sum(dim=0).numpy())
