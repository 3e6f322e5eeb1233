"""Functional classes: moments by SciPy, the null space by singular values, attention by attending, all as planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kurtosis, skew
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from backend.engine.token_passes import TokenPasses
from backend.methods.neurons.functional_classes import FUNCTIONAL_CLASSES, FunctionalClasses, FunctionalClassesParams
from backend.methods.neurons.weights.attention import turned_key
from backend.methods.neurons.weights.block_norms import reading_gains
from backend.methods.neurons.weights.deactivation import rest_directions
from backend.methods.neurons.weights.write_statistics import write_statistics
from backend.methods.steps import Partial, Result
from backend.models.hooks import UnitEdit, hooked
from backend.models.loaded import LanguageModel
from tests.unit.methods.neurons.planted_transformer import FUNCTIONS, HEADS, NEURONS, PLAN, SLOW, flat


def result_of(model: LanguageModel, **params: float) -> FunctionalClasses:
    *_, last = write_statistics(TokenPasses(model), FunctionalClassesParams(**params), 0)
    assert isinstance(last, Result)
    return last.value


@pytest.mark.parametrize("name", ["planted", "gpt2_shaped"])
def test_moments_are_scipys(name: str, request: pytest.FixtureRequest) -> None:
    model: LanguageModel = request.getfixturevalue(name)
    head = model.unembedding.double() * model.final_gain.double()
    head = head - head.mean(dim=0)
    written = torch.cat([neurons.writes for neurons in model.neurons.values()]).double()
    if name == "gpt2_shaped":
        written = written - written.mean(dim=1, keepdim=True)
    cosines = torch.nn.functional.cosine_similarity(written[:, None], head[None], dim=2).numpy()  # (neurons, tokens)
    found = result_of(model)
    assert np.allclose(found.mean, cosines.mean(axis=1), atol=1e-5)
    seen = cosines.var(axis=1) > 1e-8  # the planted entropy neuron has no cosine with any token
    assert np.allclose(found.variance, cosines.var(axis=1), rtol=1e-3, atol=1e-8)
    assert np.allclose(found.skewness[seen], skew(cosines[seen], axis=1), rtol=1e-3, atol=1e-3)
    assert np.allclose(found.kurtosis[seen], kurtosis(cosines[seen], axis=1, fisher=False), rtol=1e-3)
    assert np.allclose(found.norm, written.norm(dim=1), rtol=1e-5)


def test_the_null_space_is_that_of_the_singular_values(gpt2_shaped: LanguageModel) -> None:
    head = gpt2_shaped.unembedding.double() * gpt2_shaped.final_gain.double()
    basis = torch.linalg.svd(head - head.mean(dim=0), full_matrices=False).Vh[-round(0.05 * 32) :]  # smallest last
    written = torch.cat([neurons.writes for neurons in gpt2_shaped.neurons.values()]).double()
    written = written - written.mean(dim=1, keepdim=True)
    shares = ((written @ basis.T) ** 2).sum(dim=1) / (written**2).sum(dim=1)
    found = result_of(gpt2_shaped)
    assert np.allclose(found.null_share, shares, atol=1e-4)
    assert found.null_chance == pytest.approx(2 / 32)


def test_every_neuron_has_the_class_it_was_planted_for(planted: LanguageModel) -> None:
    found = result_of(planted)
    expected = np.full(len(found.classes), FUNCTIONAL_CLASSES.index("other"))
    for (layer, unit), name in FUNCTIONS.items():
        expected[flat(layer, unit)] = FUNCTIONAL_CLASSES.index(name)
    assert np.array_equal(found.classes, expected)
    assert found.shares[0].tolist() == [13 / 16, 2 / 16, 0, 0, 0, 1 / 16]
    assert found.control[0] == 1  # of the writes with shuffled coordinates none has a class
    assert found.controls == NEURONS * 4


def test_after_shuffling_the_classes_are_gone(shuffled: LanguageModel) -> None:
    assert not result_of(shuffled).classes.any()


def test_thresholds_decide(planted: LanguageModel) -> None:
    for name, limit in {"partition": {"partition": 50.0}, "attention deactivation": {"deactivation": 30.0}}.items():
        assert FUNCTIONAL_CLASSES.index(name) in result_of(planted).classes
        assert FUNCTIONAL_CLASSES.index(name) not in result_of(planted, **limit).classes


def test_the_resting_head_is_the_planted_one(planted: LanguageModel) -> None:
    found, neuron = result_of(planted), flat("mlp.0", 2)
    assert found.head[neuron] == 2 * HEADS + 1
    assert found.deactivation[neuron] == pytest.approx(1, abs=1e-4)
    assert (found.head[flat("mlp.3", 0) :] == -1).all()  # no head comes after the last MLP


def test_clamping_the_planted_neuron_turns_its_head_to_the_first_token(planted: LanguageModel) -> None:
    attention = _attention_to_the_first(planted, 0.0), _attention_to_the_first(planted, 4.0)
    assert attention[0][1] < 0.6
    assert attention[1][1] > 0.9
    assert attention[1][0] == pytest.approx(attention[0][0], abs=0.05)  # the other head of the block goes on as before


def test_in_the_default_model_too_heads_turn_as_the_weights_say(smollm2: LanguageModel) -> None:
    """The neurons of one layer most aligned with a later head's rest direction, both ways, against random ones of the layer."""
    block, rest = 16, rest_directions(TokenPasses(smollm2), reading_gains(smollm2))
    assert rest is not None
    cosines, heads, _ = rest.strongest(smollm2.neurons[f"mlp.{block}"].writes, block)
    drawn = torch.randperm(len(cosines), generator=torch.Generator().manual_seed(0))[:8]
    for neuron, sign in ((int(cosines.argmax()), 1), (int(cosines.argmin()), -1)):
        head = int(heads[neuron])
        plain = _rest(smollm2, block, None, head)
        own = _rest(smollm2, block, neuron, head) - plain
        random = [abs(_rest(smollm2, block, int(other), head) - plain) for other in drawn]
        assert sign * own > 1
        assert abs(own) > 5 * np.median(random)


def _rest(model: LanguageModel, block: int, neuron: int | None, head: int) -> float:
    """Mean log odds of a head's attention to the first token, 3 added to one neuron's activation."""
    module: Any = model.module
    ids = torch.tensor([[1, *model.tokenizer.encode("The capital of France is Paris, and the river there is the Seine.").ids]])
    factor, offset = torch.ones(1, 1, 1536), torch.zeros(1, 1, 1536)
    if neuron is not None:
        offset[..., neuron] = 3.0
    before = module.config._attn_implementation
    module.set_attn_implementation("eager")
    try:
        with torch.no_grad(), hooked(module, model.units, edits=[UnitEdit(f"mlp.{block}", factor, offset)]):
            attention = module.model(ids, output_attentions=True).attentions[head // 9][0, head % 9, 1:, 0]
    finally:
        module.set_attn_implementation(before)
    return float(attention.clamp(1e-6, 1 - 1e-6).logit().mean())


def _attention_to_the_first(model: LanguageModel, value: float) -> list[float]:
    """What the last token of a text gives the first one, by head of block 2, while the planted neuron is held at a value."""
    module: Any = model.module
    tokens = torch.tensor([model.tokenizer.encode("<s> w1 w2 w3").ids])
    factor, offset = torch.ones(1, 1, NEURONS), torch.zeros(1, 1, NEURONS)
    factor[..., 2], offset[..., 2] = 0.0, value
    before = module.config._attn_implementation
    module.set_attn_implementation("eager")
    try:
        with torch.no_grad(), hooked(module, model.units, edits=[UnitEdit("mlp.0", factor, offset)]):
            weights = module(tokens, output_attentions=True).attentions[2]
    finally:
        module.set_attn_implementation(before)
    return weights[0, :, -1, 0].tolist()


def test_the_turned_key_gives_the_mean_score_over_positions(planted: LanguageModel) -> None:
    module: Any = planted.module
    generator = torch.Generator().manual_seed(1)
    query, key = torch.randn(8, generator=generator), torch.randn(8, generator=generator)
    positions = torch.arange(0, 33)[None]
    cosine, sine = module.model.rotary_emb(query[None, None], positions)
    turned, _ = apply_rotary_pos_emb(query.expand(1, 1, 33, 8), query.expand(1, 1, 33, 8), cosine, sine)
    scores = turned[0, 0] @ key  # (positions,)
    assert float(query @ turned_key(planted, key, 32)) == pytest.approx(float(scores[1:].mean()), abs=1e-4)
    assert float(query @ key) == pytest.approx(float(scores[0]), abs=1e-5)
    still = torch.zeros(8)
    still[SLOW] = 1.0
    assert torch.allclose(turned_key(planted, still, 32), still, atol=1e-2)  # the pair that the planted head uses


def test_unknown_heads_are_told_and_not_guessed(gpt2_shaped: LanguageModel) -> None:
    found = result_of(gpt2_shaped)
    assert not found.heads_known
    assert "heads could not be read" in found.note
    assert (found.head == -1).all()


def test_snapshots_are_whole_layers_of_the_result(planted: LanguageModel) -> None:
    steps = [step for step in write_statistics(TokenPasses(planted), FunctionalClassesParams(), 0) if hasattr(step, "value")]
    assert [len(step.value.layers) for step in steps] == [1, 2, 3, 4]
    assert isinstance(steps[0], Partial)
    assert np.array_equal(steps[0].value.kurtosis, steps[-1].value.kurtosis[:NEURONS])
    assert len(PLAN.neurons) == 13
