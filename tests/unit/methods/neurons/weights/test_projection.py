"""Tokens that neurons write: as the model's own output layer says, as planted, and as intervening shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from backend.engine.token_passes import TokenPasses
from backend.methods.neurons.token_projection import TokenProjection
from backend.methods.neurons.weights.projection import projected, writers
from backend.methods.params import ParameterError
from backend.methods.steps import Partial, Result
from backend.models.hooks import UnitEdit
from backend.models.loaded import LanguageModel
from tests.unit.methods.neurons.planted_transformer import DETECTORS, flat

COUNT = 5


def by_the_models_output_layer(model: LanguageModel) -> Tensor:
    """Every neuron's effect on all logits by the model's own norm and head, the norm's scale at 1: (neurons, tokens)."""
    module: Any = model.module
    norm = module.model.norm if hasattr(module, "model") else module.transformer.ln_f
    written = torch.cat([model.neurons[layer].writes for layer in model.neurons]).double()
    if isinstance(norm, torch.nn.LayerNorm):
        written = written - written.mean(dim=1, keepdim=True)
    logits = (written * norm.weight.double()) @ module.lm_head.weight.double().T
    return logits - logits.mean(dim=1, keepdim=True)


def result_of(model: LanguageModel, count: int = COUNT) -> TokenProjection:
    *_, last = projected(model, count)
    assert isinstance(last, Result)
    return last.value


@pytest.mark.parametrize("name", ["planted", "gpt2_shaped"])
def test_tokens_and_logits_are_the_output_layers(name: str, request: pytest.FixtureRequest) -> None:
    model: LanguageModel = request.getfixturevalue(name)
    found, expected = result_of(model), by_the_models_output_layer(model)
    ordered = expected.sort(dim=1, descending=True)
    assert np.allclose(found.top_logits, ordered.values[:, :COUNT], atol=1e-5)
    assert np.allclose(found.bottom_logits, ordered.values.flip(1)[:, :COUNT], atol=1e-5)
    for tokens, logits in ((found.top_tokens, found.top_logits), (found.bottom_tokens, found.bottom_logits)):
        assert np.allclose(expected.gather(1, torch.from_numpy(tokens).long()), logits, atol=1e-5)


def test_a_norms_gain_left_out_would_be_seen(planted: LanguageModel) -> None:
    """The planted model's gains are no identity, so the same product without them gives other tokens."""
    bare = planted.neurons["mlp.0"].writes @ planted.unembedding.T
    assert not np.array_equal(bare.argmax(dim=1).numpy(), result_of(planted).top_tokens[: len(bare), 0])


def test_snapshots_are_whole_layers_of_the_result(planted: LanguageModel) -> None:
    *partials, last = (step for step in projected(planted, COUNT) if isinstance(step, Partial | Result))
    assert [len(partial.value.layers) for partial in partials] == [1, 2, 3]
    for partial in partials:
        rows = sum(layer.count for layer in partial.value.layers)
        assert np.array_equal(partial.value.top_tokens, last.value.top_tokens[:rows])


@pytest.mark.parametrize(("layer", "unit"), DETECTORS)
def test_detectors_write_the_planted_word(planted: LanguageModel, layer: str, unit: int) -> None:
    word = planted.tokenizer.token_to_id(DETECTORS[layer, unit][1])
    found = result_of(planted)
    assert found.top_tokens[flat(layer, unit), 0] == word
    assert found.top_logits[flat(layer, unit), 0] > 3 * found.top_logits[flat(layer, unit), 1]
    listed = writers(planted, word, COUNT)
    assert listed.writers[0] == flat(layer, unit)
    assert listed.writer_logits[0] > 5 * listed.deviation


def test_what_suppresses_is_an_eraser(planted: LanguageModel) -> None:
    listed = writers(planted, planted.tokenizer.token_to_id("yes"), COUNT)
    assert listed.erasers[0] == flat("mlp.1", 0)


def test_after_shuffling_nothing_is_written(shuffled: LanguageModel) -> None:
    found = result_of(shuffled)
    for (layer, unit), (_, word) in DETECTORS.items():
        assert found.top_tokens[flat(layer, unit), 0] != shuffled.tokenizer.token_to_id(word)


@pytest.mark.parametrize(("layer", "unit"), DETECTORS)
def test_clamping_a_neuron_moves_its_token_most(planted: LanguageModel, layer: str, unit: int) -> None:
    tokens = torch.tensor([planted.tokenizer.encode("<s> w1 w2").ids])
    factor, offset = torch.ones(1, 1, 16), torch.zeros(1, 1, 16)
    factor[..., unit], offset[..., unit] = 0.0, 4.0
    passes = TokenPasses(planted)
    plain, clamped = passes.forward(tokens).logits, passes.forward(tokens, edits=[UnitEdit(layer, factor, offset)]).logits
    assert plain is not None
    assert clamped is not None
    change = (clamped - plain)[0, -1]
    assert int(change.argmax()) == planted.tokenizer.token_to_id(DETECTORS[layer, unit][1])
    assert torch.equal(passes.forward(tokens).logits, plain)


def test_writers_of_the_default_model_are_those_of_its_output_layer(smollm2: LanguageModel) -> None:
    token = smollm2.tokenizer.encode(" Paris").ids[0]
    head = smollm2.unembedding.double() * smollm2.final_gain.double()
    direction = head[token] - head.mean(dim=0)
    effects = torch.cat([neurons.writes.double() @ direction for neurons in smollm2.neurons.values()])
    listed = writers(smollm2, token, 50)
    assert np.allclose(listed.writer_logits, effects.sort(descending=True).values[:50], atol=1e-4)
    assert np.allclose(effects[torch.from_numpy(listed.erasers).long()], listed.eraser_logits, atol=1e-4)


def test_a_token_beyond_the_vocabulary_is_refused(planted: LanguageModel) -> None:
    with pytest.raises(ParameterError, match="Token: 318 is outside 0 to 317, the vocabulary of planted"):
        writers(planted, 318, 1)
