"""The default language model: its own logits, its residual stream, its units where they are said to be."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from backend.engine.token_passes import TokenPasses
from backend.methods.question import ModelRef, TokenLogit
from backend.models.card import GATED_NEURONS, VOCABULARY
from backend.models.catalog import ModelError
from backend.models.hooks import UnitEdit
from backend.models.loaded import LanguageModel
from backend.models.loading import load_any

TEXT = "The capital of France is"


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    loaded = load_any(ModelRef("smollm2-135m-instruct"))
    assert isinstance(loaded, LanguageModel)
    return loaded


@pytest.fixture(scope="module")
def tokens(model: LanguageModel) -> Tensor:
    return torch.tensor([model.tokenizer.encode(TEXT).ids])


def test_it_answers_a_capital(model: LanguageModel, tokens: Tensor) -> None:
    logits = TokenPasses(model).forward(tokens).logits
    assert logits is not None
    probabilities = logits[0, -1].softmax(0)
    best = int(probabilities.argmax())
    assert model.tokenizer.decode([best]) == " Paris"
    assert probabilities[best] > 0.5


def test_the_card_says_its_sizes(model: LanguageModel) -> None:
    card = model.card
    assert (card.blocks, card.width, card.vocabulary) == (30, 576, 49152)
    assert sum(layer.count for layer in card.units if layer.kind == "neuron") == 46_080
    assert sum(layer.count for layer in card.units if layer.kind == "head") == 270
    assert {GATED_NEURONS, VOCABULARY} <= card.capabilities


def test_the_passes_are_those_of_the_module(model: LanguageModel, tokens: Tensor) -> None:
    record = TokenPasses(model).forward(tokens, logits="all", residual=True)
    with torch.no_grad():
        own = model.module(tokens, output_hidden_states=True)
    assert torch.equal(record.logits, own.logits)
    assert record.residual.shape == (1, 31, tokens.shape[1], 576)
    for block in range(30):  # the last of transformers' hidden states is behind the final norm
        assert torch.equal(record.residual[0, block], own.hidden_states[block][0])


def test_padding_to_the_right_changes_nothing(model: LanguageModel, tokens: Tensor) -> None:
    padded = torch.cat([tokens, torch.zeros(1, 3, dtype=torch.long)], dim=1)
    keep = torch.arange(padded.shape[1])[None] < tokens.shape[1]
    alone, beside = TokenPasses(model).forward(tokens).logits, TokenPasses(model).forward(padded, keep=keep).logits
    assert torch.allclose(alone, beside, atol=1e-4)


def test_neurons_are_what_the_mlp_writes_with(model: LanguageModel, tokens: Tensor) -> None:
    """Σ activation · writes is the block's MLP output; the gate and the linear half make the activation."""
    record = TokenPasses(model).forward(tokens, units=["mlp.5"], logits="none")
    block = model.module.model.layers[5]
    seen: list[Tensor] = []
    handle = block.mlp.register_forward_hook(lambda _, inputs, output: seen.extend([inputs[0], output]))
    try:
        TokenPasses(model).forward(tokens, logits="none")
    finally:
        handle.remove()
    neurons, activations = model.neurons["mlp.5"], record.units["mlp.5"]
    assert torch.allclose(activations @ neurons.writes, seen[1], atol=1e-4)
    made = torch.nn.functional.silu(seen[0] @ neurons.gate.T) * (seen[0] @ neurons.reads.T)
    assert torch.allclose(activations, made, atol=1e-4)


def test_heads_are_read_before_the_output_projection(model: LanguageModel, tokens: Tensor) -> None:
    record = TokenPasses(model).forward(tokens, units=["attention.3"], logits="none")
    assert record.units["attention.3"].shape == (1, tokens.shape[1], 9, 64)


def test_an_edit_of_one_row_leaves_the_other_rows_alone(model: LanguageModel, tokens: Tensor) -> None:
    passes, layer = TokenPasses(model), "mlp.20"
    factor = torch.ones(3, 1, 1536)
    factor[1] = 0.0
    edit = UnitEdit(layer, factor, torch.zeros(1, 1, 1536))
    rows = tokens.expand(3, -1)
    logits = passes.forward(rows, edits=[edit]).logits
    plain = passes.forward(rows).logits
    assert torch.equal(logits[[0, 2]], plain[[0, 2]])
    assert not torch.allclose(logits[1], plain[1], atol=1e-2)
    assert torch.equal(passes.forward(rows).logits, plain)  # no hook is left


def test_ablating_a_head_takes_its_share_away(model: LanguageModel, tokens: Tensor) -> None:
    layer, factor = "attention.4", torch.ones(1, 1, 9)
    factor[..., 2] = 0
    edit = UnitEdit(layer, factor, torch.zeros(1, 1, 9))
    values = TokenPasses(model).forward(tokens, units=[layer], edits=[edit]).units[layer]
    assert (values[:, :, 2] == 0).all()
    assert (values[:, :, 1] != 0).any()


def test_the_gradient_is_that_of_the_explained_position(model: LanguageModel, tokens: Tensor) -> None:
    passes = TokenPasses(model)
    embedded = passes.embeddings(tokens)
    record = passes.gradient(embedded, TokenLogit(7, position=1), units=["mlp.2"])
    assert record.gradient.shape == embedded.shape
    assert (record.gradient[0, 2:] == 0).all()  # later tokens cannot be seen from there
    assert (record.gradient[0, :2] != 0).any()
    assert record.unit_gradients["mlp.2"].shape == (1, tokens.shape[1], 1536)
    assert torch.allclose(record.scores, passes.forward(tokens, logits="all").logits[:, 1, 7], atol=1e-4)


def test_another_revision_is_refused() -> None:
    with pytest.raises(ModelError, match="revision abc is not on this machine"):
        load_any(ModelRef("smollm2-135m-instruct", revision="abc"))
