"""One neuron's tokens: the row of the whole projection, planted words, and chance that a planted write stands out from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from backend.methods.neurons.neuron_tokens import NeuronTokens, NeuronTokensParams
from backend.methods.neurons.weights.one_neuron import tokens_of
from backend.methods.neurons.weights.projection import projected
from backend.methods.params import ParameterError
from backend.models.loaded import LanguageModel
from tests.unit.methods.neurons.planted_transformer import DETECTORS, NEURONS


def _of(model: LanguageModel, layer: str, unit: int, seed: int = 0, **more: int) -> NeuronTokens:
    return tokens_of(model, NeuronTokensParams(layer, unit, **more), seed)


@pytest.mark.parametrize("name", ["planted", "gpt2_shaped"])
def test_it_is_the_row_of_the_whole_projection(name: str, request: pytest.FixtureRequest) -> None:
    model: LanguageModel = request.getfixturevalue(name)
    *_, last = projected(model, 10)
    row = 2 * model.card.units[-1].count + 7  # of the third MLP layer
    found, whole = _of(model, "mlp.2", 7), last.value
    for part in ("top_logits", "bottom_logits"):
        np.testing.assert_allclose(getattr(found, part), getattr(whole, part)[row], rtol=1e-4, atol=1e-6)
    assert found.top_tokens[0] == whole.top_tokens[row, 0]
    assert found.bottom_tokens[0] == whole.bottom_tokens[row, 0]


@pytest.mark.parametrize("neuron", list(DETECTORS))
def test_a_planted_detector_writes_its_word_beyond_chance(planted: LanguageModel, neuron: tuple[str, int]) -> None:
    found = _of(planted, *neuron)
    assert planted.tokenizer.id_to_token(int(found.top_tokens[0])) == DETECTORS[neuron][1]
    assert found.top_logits[0] > found.chance.max()


def test_a_neuron_of_shuffled_weights_does_not_stand_out_from_chance(shuffled: LanguageModel) -> None:
    found = _of(shuffled, "mlp.0", 0, controls=100)
    assert found.top_logits[0] < found.chance.max()


def test_chance_is_the_writes_own_numbers_in_another_order(planted: LanguageModel) -> None:
    found, again, other = (_of(planted, "mlp.1", 3, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(found.chance, again.chance)
    assert not np.array_equal(found.chance, other.chance)
    assert found.chance.shape == (20,)
    np.testing.assert_array_equal(found.top_tokens, other.top_tokens)


def test_the_model_is_left_as_it_was(planted: LanguageModel) -> None:
    tokens = torch.tensor([[1, 2, 3, 4]])
    with torch.no_grad():
        before = planted.module(tokens).logits
        _of(planted, "mlp.0", 0)
        assert torch.equal(planted.module(tokens).logits, before)


@pytest.mark.parametrize(
    ("layer", "unit", "told"),
    [
        ("mlp.77", 0, "no MLP 'mlp.77'"),
        ("attention.0", 0, "no MLP"),
        ("mlp.0", NEURONS, f"{NEURONS} is outside 0 to {NEURONS - 1}"),
    ],
)
def test_a_neuron_that_is_not_there_is_told_with_the_limit(planted: LanguageModel, layer: str, unit: int, told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        _of(planted, layer, unit)
