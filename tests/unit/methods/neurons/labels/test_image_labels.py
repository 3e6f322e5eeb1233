"""Labels of image units on the digits: proposed from the model's own classes, tested on others, refused where photos are few."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import backend
from backend.data.corpora import corpus
from backend.engine.stepping import Engine
from backend.headless import RunError
from backend.methods.neurons.labels.propose_images import class_candidates
from backend.methods.neurons.labels.rules import read_rule
from backend.methods.question import ModelRef

MODEL, LAYER = "digits-cnn", "stage3"


@pytest.fixture
def ask(engine: Engine) -> Any:
    """How to ask of the digits, with their index there."""
    digits = corpus("digits")
    backend.run("neuron_index", model=MODEL, sample=digits)
    return lambda method, **params: backend.run(method, model=MODEL, sample=digits, layer=LAYER, **params)


def test_classes_are_ranked_by_what_share_base_and_rarity_promise() -> None:
    own, others = np.array([3, 3, 3, 3, 5]), np.array([3] * 10 + [5] * 40 + [1] * 49)
    labels = [str(digit) for digit in range(10)]
    first, *rest = class_candidates(own, others, labels, rate=0.1)
    assert first.label == "images seen as “3”"
    assert (first.share, first.base) == (0.8, 11 / 100)
    assert first.information == pytest.approx(np.log(0.8 / 0.11))
    precision = 0.8 * 0.1 / 0.11
    assert first.expected == pytest.approx(2 * precision * 0.8 / (precision + 0.8))
    assert {candidate.label for candidate in rest} == {"images seen as “5”", "images seen as “3” or “5”"}


def test_a_proposal_names_classes_and_its_test_has_both_controls(ask: Any) -> None:
    proposal = ask("label_neuron", unit=5)
    assert read_rule(proposal.label).kind == "seen as"
    assert proposal.candidates[0].label == proposal.label
    test = ask("test_label", unit=5, label=proposal.label)
    assert [measure.name for measure in test.measures] == ["F1", "precision", "recall", "logit", "loss"]
    for measure in test.measures:
        assert measure.low <= measure.value <= measure.high
        assert len(measure.controls["shuffled labels"]) == 6
    assert len(test.measure("logit").controls["random units"]) == 6
    assert 0 < test.base_rate < 1


def test_the_score_of_a_label_is_that_of_all_pictures_by_hand(ask: Any, engine: Engine) -> None:
    """Precision and recall at the test's threshold, over every digit the model knows: the draw's interval holds them."""
    label = "images seen as “0” or “6”"
    test = ask("test_label", unit=0, label=label, samples=64)
    from backend.data.corpora import image_corpus
    from backend.engine.passes import Passes
    from backend.methods.neurons.labels.propose_images import picture_rows

    model = engine.workshop.model(ModelRef(MODEL))
    pictures, passes = image_corpus(corpus("digits")), Passes(model)
    passes.tensor = lambda pixels: torch.from_numpy(_normalised(pixels, model))  # type: ignore[attr-defined]
    record = passes.forward(picture_rows(passes, pictures, range(len(pictures))), units=[LAYER])  # type: ignore[arg-type]
    fires = record.units[LAYER][:, :, 0].amax(dim=1).numpy() > test.threshold
    true = np.isin(record.logits.argmax(dim=1).numpy(), (0, 6))
    for name, value in (("precision", (fires & true).sum() / fires.sum()), ("recall", (fires & true).sum() / true.sum())):
        measure = test.measure(name)
        assert measure.low - 0.03 <= value <= measure.high + 0.03


def _normalised(pixels: np.ndarray, model: Any) -> np.ndarray:
    from backend.data.frames import normalise

    return normalise(pixels, model.card.preprocess)


def test_logits_stay_bit_equal(ask: Any, engine: Engine) -> None:
    model = engine.workshop.model(ModelRef(MODEL))
    rows = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = model.module(rows)
        ask("test_label", unit=1, label="images seen as “1”", samples=16)
        assert torch.equal(model.module(rows), before)


@pytest.mark.parametrize(
    ("label", "message"),
    [("“Monday”", "is about text; of images a test can match"), ("images seen as “cat”", "'cat' is no class of digits-cnn")],
)
def test_what_no_picture_can_have_is_refused(ask: Any, label: str, message: str) -> None:
    with pytest.raises(RunError, match=message):
        ask("test_label", unit=0, label=label)


def test_crops_of_a_few_photos_get_no_label(engine: Engine) -> None:
    with pytest.raises(RunError, match=r"are from \d+ photos; a label needs 200 or more"):
        backend.run("label_neuron", model="efficientnet-lite0", sample=corpus("photos"), layer="head", unit=0)
