"""Features of a real layer: better than permuted ones on texts not seen, and told with what they respond to and write."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from backend.data.corpora import corpus
from backend.engine.asking import TokenAsking
from backend.engine.token_passes import TokenPasses
from backend.methods.neurons.snmf_features import AFTER, BEFORE, TOP, SnmfFeatures, neuron_layer
from backend.methods.params import ParameterError
from backend.methods.question import ModelRef, Question
from backend.methods.registry import method_named
from backend.methods.steps import Partial, Result
from backend.models.loaded import LanguageModel
from backend.models.loading import load_any
from tests.unit.methods.neurons.sentence.models import Bench

TEXT = torch.tensor([[504, 3575, 282, 4649, 314]])


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    loaded = load_any(ModelRef("smollm2-135m-instruct"))
    assert isinstance(loaded, LanguageModel)
    return loaded


@pytest.fixture(scope="module")
def found(model: LanguageModel) -> tuple[list[Partial], SnmfFeatures]:
    """Eight features of the middle layer from 512 tokens; the model's logits are the same before and after."""
    params = method_named("snmf_features").params(features=8, tokens=512, iterations=40)
    question = Question("snmf_features", ModelRef("test"), corpus("documents"), params)
    before = TokenPasses(model).forward(TEXT).logits
    steps = list(method_named("snmf_features").run(question, TokenAsking(question, Bench(model))))
    assert torch.equal(TokenPasses(model).forward(TEXT).logits, before)
    assert isinstance(steps[-1], Result)
    return [step for step in steps if isinstance(step, Partial)], steps[-1].value


def test_features_account_for_texts_not_seen_and_permuted_ones_do_not(found: tuple[list[Partial], SnmfFeatures]) -> None:
    value = found[1]
    print(
        f"\nSmolLM2-135M, Q4_1 de-quantised, {value.layer}, 8 features: held-out share {value.explained:.2f}, "
        f"neurons permuted {value.control:.2f}", end="",
    )  # fmt: skip
    assert value.explained > 0.1
    assert value.explained > 3 * max(value.control, 0.01)


def test_their_parts_have_their_shapes(found: tuple[list[Partial], SnmfFeatures]) -> None:
    value = found[1]
    assert value.layer == "mlp.15"
    assert value.weights.shape == (8, 1536)
    assert value.direction.shape == (8, 576)
    assert value.windows.shape == value.amounts.shape == (8, TOP, BEFORE + 1 + AFTER)
    assert value.top_tokens.shape == value.bottom_logits.shape == (8, 8)
    assert (np.diff(value.strength) <= 1e-6).all()
    assert ((value.weights != 0).sum(1) <= round(0.05 * 1536)).all()
    assert len(value.losses) == 41
    assert all(later <= earlier + 1e-9 or step in value.cuts
               for step, (earlier, later) in enumerate(zip(value.losses, value.losses[1:], strict=False), start=1))  # fmt: skip


def test_the_strongest_token_stands_at_the_peak_and_sources_are_named(found: tuple[list[Partial], SnmfFeatures]) -> None:
    value = found[1]
    for feature in range(8):
        shown = len(value.sources[feature])
        assert shown > 0
        assert (value.windows[feature, :shown, value.peak] >= 0).all()
        peaks = value.amounts[feature, :shown, value.peak]
        assert (np.diff(peaks) <= 1e-6).all()
        assert (value.windows[feature, shown:] == -1).all()


def test_what_a_feature_writes_is_its_neurons_through_the_unembedding(
    found: tuple[list[Partial], SnmfFeatures], model: LanguageModel
) -> None:
    value = found[1]
    direction = torch.from_numpy(value.weights) @ model.neurons["mlp.15"].writes
    assert torch.allclose(direction, torch.from_numpy(value.direction), atol=1e-3 * float(direction.abs().max()))
    logits = direction @ (model.unembedding * model.final_gain).T
    logits -= logits.mean(1, keepdim=True)
    assert np.allclose(logits.max(1).values.numpy(), value.top_logits[:, 0], rtol=1e-2)


def test_partial_results_are_whole(found: tuple[list[Partial], SnmfFeatures]) -> None:
    assert found[0]
    assert all(np.isnan(step.value.explained) and step.value.weights.shape == (8, 1536) for step in found[0])


def test_a_layer_without_neurons_is_refused(model: LanguageModel) -> None:
    assert neuron_layer("", model.card) == "mlp.15"
    with pytest.raises(ParameterError, match="'attention.3' has no neurons; there are mlp.0 to mlp.29"):
        neuron_layer("attention.3", model.card)
