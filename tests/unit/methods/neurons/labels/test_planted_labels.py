"""Planted truth: detectors get the label they were built with, it scores 1, and what is not true of them does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import backend
from backend.data.corpora import corpus
from backend.engine.stepping import Engine
from backend.headless import RunError
from backend.methods.neurons.labels.rules import read_rule
from backend.methods.question import Corpus, ModelRef
from tests.unit.methods.neurons.labels import planted_corpus
from tests.unit.methods.neurons.planted_transformer import DETECTORS

Run = Callable[..., Any]


@pytest.fixture
def planted(
    planted_models: tuple[str, str], engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Corpus, Run]:
    """The corpus, and how to ask of it; the indexes of both models over it are built."""
    folder = tmp_path / "words"
    folder.mkdir()
    planted_corpus.write(folder)
    monkeypatch.setenv("VITRINE_DATA", str(folder))
    words = corpus("folder-words")

    def run(method: str, layer: str, unit: int, model: str = planted_models[0], **params: Any) -> Any:
        return backend.run(method, model=model, sample=words, layer=layer, unit=unit, **params)

    for name in planted_models:
        backend.run("neuron_index", model=name, sample=words, items=512)
    return words, run


def test_detectors_are_labelled_as_planted_and_the_label_scores_one(planted: tuple[Corpus, Run]) -> None:
    _, run = planted
    for (layer, unit), (words, _) in DETECTORS.items():
        proposal = run("label_neuron", layer, unit)
        assert set(read_rule(proposal.label).words) == set(words)
        test = run("test_label", layer, unit, label=proposal.label)
        for name in ("F1", "precision", "recall"):
            measure = test.measure(name)
            assert (measure.value, measure.low, measure.high) == (1, 1, 1)
        f1 = test.measure("F1")
        assert len(f1.controls["shuffled labels"]) == len(test.shuffled) == 6
        assert max(f1.controls["shuffled labels"]) < 1  # neurons behind the detector may carry what it writes
        assert np.median(f1.controls["shuffled labels"]) < 0.2
        assert f1.verdict == "beats the control"
        assert proposal.label not in test.shuffled


def test_the_planted_neuron_writes_where_it_takes_the_value_and_no_other_does(planted: tuple[Corpus, Run]) -> None:
    _, run = planted
    logit = run("test_label", "mlp.0", 0, label="“red”, “green” or “blue”").measure("logit")
    assert logit.low > 0
    assert logit.verdict == "beats the control"
    assert max(map(abs, logit.controls["shuffled labels"])) < 0.2 * logit.value
    assert max(map(abs, logit.controls["random units"])) < 0.2 * logit.value


@pytest.mark.parametrize("label", ["“cat” or “dog”", "the token after “red”", "tokens seen before in the text"])
def test_a_label_that_is_wrong_fails(planted: tuple[Corpus, Run], label: str) -> None:
    test = planted[1]("test_label", "mlp.0", 0, label=label)
    assert test.measure("F1").value < 0.3
    assert test.measure("F1").verdict != "beats the control"
    logit = test.measure("logit")  # no text is without a repeated token, so there is nothing to interchange with
    assert logit is None or logit.verdict != "beats the control"


def test_a_label_that_is_too_narrow_stays_below(planted: tuple[Corpus, Run]) -> None:
    """One colour of three: at best every colour is taken for it, precision 1/3 and recall 1, or few are."""
    test = planted[1]("test_label", "mlp.0", 0, label="“red”")
    assert test.measure("F1").high < 0.8


def test_the_same_weights_shuffled_keep_no_label(planted: tuple[Corpus, Run], planted_models: tuple[str, str]) -> None:
    test = planted[1]("test_label", "mlp.0", 0, model=planted_models[1], label="“red”, “green” or “blue”")
    assert test.measure("F1").value < 0.5


def test_logits_are_the_same_before_and_after(
    planted: tuple[Corpus, Run], planted_models: tuple[str, str], engine: Engine
) -> None:
    model = engine.workshop.model(ModelRef(planted_models[0]))
    tokens = torch.arange(1, 40)[None]
    with torch.no_grad():
        before = model.module(tokens).logits
        planted[1]("label_neuron", "mlp.0", 1)
        planted[1]("test_label", "mlp.0", 1, label="“cat” or “dog”", samples=8, pairs=4)
        assert torch.equal(model.module(tokens).logits, before)


def test_snapshots_grow_and_the_first_comes_before_the_controls(
    planted: tuple[Corpus, Run], planted_models: tuple[str, str]
) -> None:
    seen = list(
        backend.stream("test_label", model=planted_models[0], sample=planted[0], layer="mlp.0", unit=1, label="“cat” or “dog”")
    )
    assert seen[0].measure("F1").controls == {}
    assert seen[0].measure("F1").verdict is None
    counts = [len(snapshot.shuffled) for snapshot in seen]
    assert counts == sorted(counts)
    assert len(seen[-1].measures) == 5


@pytest.mark.parametrize(
    ("layer", "unit", "label", "message"),
    [
        ("mlp.0", 0, "names of colours", "nothing that a test can match"),
        ("mlp.0", 0, "images seen as “3”", "is about images"),
        ("mlp.0", 0, "“zebra”", "is true in the first 64 tokens of 0 texts of one half"),
        ("mlp.9", 0, "“red”", "there is no 'mlp.9'"),
        ("mlp.0", 16, "“red”", "16 is outside 0 to 15, the units of mlp.0"),
    ],
)
def test_what_cannot_be_tested_says_why(planted: tuple[Corpus, Run], layer: str, unit: int, label: str, message: str) -> None:
    with pytest.raises(RunError, match=message):
        planted[1]("test_label", layer, unit, label=label)


def test_without_an_index_the_way_out_is_named(planted: tuple[Corpus, Run], planted_models: tuple[str, str]) -> None:
    with pytest.raises(RunError, match="There is no index of planted over languages yet. Start it on the neuron page first"):
        backend.run("label_neuron", model=planted_models[0], sample=corpus("languages"), layer="mlp.0", unit=0)
