"""Attention heads: transformers' own weights, rows that sum to 1, known patterns on the real model and none on a random one."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from backend.engine.token_passes import TokenPasses
from backend.methods.neurons import attention_view
from backend.methods.params import ParameterError
from backend.models.attention import output_weights, recording_attention
from backend.models.catalog import ModelError
from backend.models.loaded import LanguageModel
from tests.unit.methods.neurons.sentence.conftest import Run, Steps
from tests.unit.methods.neurons.sentence.models import gpt2, llama

HEADS = import_module("backend.methods.neurons.sentence.heads")
TEXT = "w7 w39 w0 w20 w31 w12"
IDS = torch.tensor([[7, 39, 0, 20, 31, 12]])
REAL = "When Mary and John went to the store, John gave a drink to"


def transformers_own(model: LanguageModel, ids: Tensor) -> list[Tensor]:
    """Weights by layer, (heads, tokens, tokens), as the library gives them where it attends plainly."""
    config: Any = model.module.config
    before = config._attn_implementation
    config._attn_implementation = "eager"
    try:
        with torch.inference_mode():
            return [layer[0] for layer in model.module(ids, output_attentions=True, use_cache=False).attentions]
    finally:
        config._attn_implementation = before


@pytest.mark.parametrize("make", [llama, gpt2])
def test_weights_equal_those_of_transformers(run: Run, make: Any) -> None:
    model = make(torch.float32)
    seen: dict[str, Tensor] = {}
    with recording_attention(model, lambda name, weights, _: seen.__setitem__(name, weights[0])):
        TokenPasses(model).forward(IDS, logits="none")
    theirs = transformers_own(model, IDS)
    assert len(seen) == len(theirs)
    assert all(torch.equal(ours, own) for ours, own in zip(seen.values(), theirs, strict=True))
    found = run("attention_view", model, TEXT, None)
    assert list(found.weights) == list(found.layers) == [f"attention.{block}" for block in range(len(theirs))]
    for name, weights in seen.items():
        assert np.array_equal(found.weights[name], weights.half().numpy())


def test_on_the_real_model_too_with_rows_that_sum_to_1_and_nothing_from_the_future(run: Run, smollm2: LanguageModel) -> None:
    ids = torch.tensor([smollm2.tokenizer.encode(REAL).ids])
    found = run("attention_view", smollm2, REAL, None)
    theirs = transformers_own(smollm2, ids)
    assert len(theirs) == 30
    future = np.triu(np.ones((ids.shape[1], ids.shape[1]), dtype=bool), k=1)
    for ours, own in zip(found.weights.values(), theirs, strict=True):
        assert np.allclose(ours, own.numpy(), atol=1e-3)
        assert np.allclose(ours.astype(np.float64).sum(-1), 1, atol=5e-3)
        assert (ours[:, future] == 0).all()


def test_what_a_head_adds_is_its_weights_times_what_is_read(run: Run) -> None:
    """Σ over tokens of weight · value · output projection is the attention's own output; lengths are of its terms."""
    model = llama()
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    outputs: list[Tensor] = []
    block = model.module.model.layers[1].self_attn
    handle = block.register_forward_hook(lambda _, __, output: outputs.append(output[0]))
    try:
        with recording_attention(model, lambda name, weights, values: seen.__setitem__(name, (weights[0], values[0]))):
            TokenPasses(model).forward(IDS, logits="none")
    finally:
        handle.remove()
    weights, values = seen["attention.1"]
    written = values @ output_weights(model, "attention.1")  # (heads, tokens, width)
    assert torch.allclose((weights @ written).sum(0), outputs[0][0], atol=1e-12)
    found = run("attention_view", model, TEXT, None)
    assert np.allclose(found.norms["attention.1"], written.norm(dim=-1).numpy(), atol=1e-6)


def test_summaries_are_means_over_the_reading_tokens(run: Run) -> None:
    found = run("attention_view", llama(), TEXT, None)
    for layer, weights in enumerate(transformers_own(llama(), IDS)):
        rows = weights[:, 1:].numpy()
        assert np.allclose(found.summaries["first"][layer], rows[..., 0].mean(-1), atol=1e-6)
        assert np.allclose(found.summaries["previous"][layer], np.mean([rows[:, at, at] for at in range(5)], axis=0), atol=1e-6)
        assert np.allclose(found.summaries["itself"][layer], np.mean([rows[:, at, at + 1] for at in range(5)], axis=0), atol=1e-6)
        entropy = -(rows * np.log(np.where(rows > 0, rows, 1))).sum(-1) / np.log(np.arange(2, 7))
        assert np.allclose(found.summaries["entropy"][layer], entropy.mean(-1), atol=1e-6)


def test_one_token_looks_at_itself(run: Run) -> None:
    found = run("attention_view", llama(), "w7", None)
    assert (found.summaries["first"] == 1).all()
    assert (found.summaries["itself"] == 1).all()
    assert (found.summaries["previous"] == 0).all()
    assert (found.summaries["entropy"] == 0).all()


def test_one_layer_can_be_asked_for_and_an_unknown_one_is_refused(run: Run, steps: Steps) -> None:
    found = run("attention_view", llama(), TEXT, None, layer="attention.2")
    assert list(found.weights) == list(found.norms) == ["attention.2"]
    assert found.summaries["first"].shape == (3, 4)
    with pytest.raises(ParameterError, match="no 'attention.9'; there are attention.0 to attention.2"):
        steps("attention_view", llama(), TEXT, None, layer="attention.9")


def test_more_weights_than_are_kept_are_refused_with_the_limit(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HEADS, "WEIGHT_BYTES", 2 * 12 * 25)
    with pytest.raises(ParameterError, match="12 heads are kept for at most 5 tokens; the prompt has 6. Name one layer"):
        steps("attention_view", llama(), TEXT, None)
    steps("attention_view", llama(), TEXT, None, layer="attention.0")
    assert attention_view.WEIGHT_BYTES // (2 * 270) > 170**2  # the default model: a long paragraph


def test_the_model_attends_as_before_also_after_a_failure(smollm2: LanguageModel) -> None:
    ids = torch.tensor([smollm2.tokenizer.encode(REAL).ids])
    config: Any = smollm2.module.config
    implementation, before = config._attn_implementation, TokenPasses(smollm2).forward(ids, logits="all").logits

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), recording_attention(smollm2, fail):
        TokenPasses(smollm2).forward(ids, logits="none")
    assert config._attn_implementation == implementation
    assert torch.equal(TokenPasses(smollm2).forward(ids, logits="all").logits, before)


def test_attention_that_cannot_be_recorded_is_told(smollm2: LanguageModel) -> None:
    model = llama()
    odd = nn.Sequential(nn.Sequential(nn.Linear(4, 4)))
    point = replace(next(iter(model.units.values())), module="0.0")
    strange = replace(model, module=odd, units={"attention.0": point})
    odd.config = None  # type: ignore[assignment]
    with pytest.raises(ModelError, match="attention of Sequential cannot be recorded"), recording_attention(strange, print):
        pass


def test_the_real_model_has_induction_and_previous_token_heads(run: Run, smollm2: LanguageModel) -> None:
    """Known of trained decoders (Olsson et al. 2022). Chosen on one half of the texts, reported on the other."""
    chosen, held_out = (run("head_patterns", smollm2, None, seed=seed) for seed in (0, 1))
    for name in ("induction", "previous", "duplicate"):
        layer, head = np.unravel_index(int(getattr(chosen, name).argmax()), chosen.induction.shape)
        score = getattr(held_out, name)[layer, head]
        print(f"\nSmolLM2-135M, Q4_1 de-quantised: {name} L{layer} head {head}: {score:.2f}", end="")
        assert score > 0.5
    best = np.unravel_index(int(chosen.induction.argmax()), chosen.induction.shape)
    assert held_out.control[best] < 0.1
    assert (held_out.first > 0.3).sum() > 100  # many heads rest on the first token


def test_a_random_model_has_no_such_heads(run: Run) -> None:
    found = run("head_patterns", llama(), None, length=12)
    assert found.induction.max() < 0.3
    assert abs(found.induction.mean() - found.control.mean()) < 0.05


def test_pattern_scores_are_read_at_the_right_places(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head whose weight moves to one place only has that score 1 and the others 0."""
    length, real = 8, recording_attention

    def planted(offset: int) -> Any:
        def recording(model: LanguageModel, visit: Any) -> Any:
            def put(name: str, weights: Tensor, values: Tensor) -> None:
                fixed = torch.zeros_like(weights)
                for row in range(length, 2 * length):
                    fixed[..., row, row + offset] = 1
                visit(name, fixed, values)

            return real(model, put)

        return recording

    for name, offset in (("induction", 1 - length), ("duplicate", -length), ("previous", -1)):
        monkeypatch.setattr(HEADS, "recording_attention", planted(offset))
        found = run("head_patterns", llama(), None, length=length, texts=2)
        assert {pattern: float(getattr(found, pattern).mean()) for pattern in ("induction", "duplicate", "previous")} == {
            pattern: float(pattern == name) for pattern in ("induction", "duplicate", "previous")
        }
