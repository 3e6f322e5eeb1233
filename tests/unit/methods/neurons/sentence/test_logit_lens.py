"""The logit lens: its last layer is the model's own answer, its first the embedding, and its numbers are their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from backend.engine.asking import TokenAsking
from backend.engine.token_passes import TokenPasses
from backend.methods.neurons.sentence.lens import lens
from backend.methods.steps import Partial
from backend.models.loaded import LanguageModel
from tests.unit.methods.neurons.sentence.conftest import Run, Steps, question
from tests.unit.methods.neurons.sentence.models import Bench, gpt2, llama

TEXT = "w7 w39 w0 w20 w31 w12"
IDS = torch.tensor([[7, 39, 0, 20, 31, 12]])
REAL = "The capital of France is"


def asking(model: LanguageModel, text: str = TEXT) -> TokenAsking:
    return TokenAsking(question("logit_lens", text, None), Bench(model))


def own(model: LanguageModel, ids: Tensor = IDS) -> Tensor:
    """The model's log probabilities, (tokens, vocabulary)."""
    return TokenPasses(model).forward(ids, logits="all").logits[0].log_softmax(-1)


@pytest.mark.parametrize("make", [llama, gpt2])
def test_the_last_layer_is_the_models_own_answer_bit_for_bit(run: Run, make: Any) -> None:
    model = make()
    found = run("logit_lens", model, TEXT, None)
    held = asking(model)
    stream = held.forward(held.tokens, logits="none", residual=True).residual[0, -1]
    assert torch.equal(lens(held, stream), own(model))
    top = own(model).exp().topk(5, dim=-1)
    assert np.array_equal(found.top_tokens[-1], top.indices.numpy())
    assert np.array_equal(found.top_probabilities[-1], top.values.float().numpy())
    assert (found.rank[-1] == 1).all()
    assert (found.divergence[-1] == 0).all()


@pytest.mark.parametrize("make", [llama, gpt2])
def test_the_first_layer_reads_the_embedding(run: Run, make: Any) -> None:
    model = make()
    found = run("logit_lens", model, TEXT, None)
    embedded = TokenPasses(model).embeddings(IDS)[0]
    if hasattr(model.module, "transformer"):
        embedded = embedded + model.module.transformer.wpe(torch.arange(6))
    expected = model.head(model.final_norm(embedded)).softmax(-1)
    assert np.array_equal(found.top_tokens[0, :, 0], expected.argmax(-1).numpy())
    assert np.allclose(found.top_probabilities[0, :, 0], expected.max(-1).values.numpy(), atol=1e-6)


def test_divergence_rank_and_control_are_their_definitions(run: Run) -> None:
    model = llama()
    found = run("logit_lens", model, TEXT, None)
    held, final = asking(model), own(model).numpy()
    streams = held.forward(held.tokens, logits="none", residual=True).residual[0]
    read = lens(held, streams[1]).numpy()
    assert np.allclose(found.divergence[1], (np.exp(final) * (final - read)).sum(-1), atol=1e-6)
    ranks = [(row > row[answer]).sum() + 1 for row, answer in zip(read, final.argmax(-1), strict=True)]
    assert found.rank[1].tolist() == ranks
    every = np.array([[(np.exp(p) * (p - q)).sum() for p in final] for q in read])  # (position read, position compared with)
    for position in range(6):
        others = np.delete(every[position], position)
        assert np.isclose(others, found.control[1, position], atol=1e-5).any()


def test_layers_come_one_by_one_and_unread_ones_are_marked(steps: Steps) -> None:
    found = steps("logit_lens", llama(), TEXT, None)
    first = found[0]
    assert isinstance(first, Partial)
    assert (first.done, first.total) == (1, 4)
    assert np.isnan(first.value.divergence[:-1]).all()
    assert (first.value.top_tokens[:-1] == -1).all()
    assert not np.isnan(found[-1].value.divergence).any()


def test_one_token_has_no_other_position_to_be_compared_with(run: Run) -> None:
    found = run("logit_lens", llama(), "w7", None)
    assert np.array_equal(found.control, found.divergence)


def test_the_real_models_answer_forms_in_its_last_blocks(run: Run, smollm2: LanguageModel) -> None:
    """SmolLM2-135M, Q4_1 de-quantised: nothing of " Paris" in the first half, the first answer at the end."""
    before = own(smollm2, torch.tensor([smollm2.tokenizer.encode(REAL).ids]))
    found = run("logit_lens", smollm2, REAL, None)
    assert found.top_tokens.shape == (31, 5, 5)
    assert smollm2.tokenizer.decode([int(found.top_tokens[-1, -1, 0])]) == " Paris"
    assert found.rank[-1, -1] == 1
    assert found.rank[:15, -1].min() > 100
    late = found.divergence[24:, 1:].mean()
    assert late < found.control[24:, 1:].mean()  # nearer to the answer here than to answers elsewhere
    print(
        f"\nSmolLM2-135M, Q4_1 de-quantised, last six blocks: {late:.1f} nats, elsewhere {found.control[24:, 1:].mean():.1f}",
        end="",
    )
    assert torch.equal(own(smollm2, torch.tensor([smollm2.tokenizer.encode(REAL).ids])), before)
