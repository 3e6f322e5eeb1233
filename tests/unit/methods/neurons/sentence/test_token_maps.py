"""Maps of tokens: a sum is taken apart exactly, Captum agrees, and what a map cannot do is told."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient, IntegratedGradients
from torch import Tensor

from backend.engine.asking import TokenAsking
from backend.engine.token_passes import TokenPasses
from backend.methods.neurons.sentence.embedding_path import baseline_embedding
from backend.methods.neurons.token_occlusion import covered_mean
from backend.methods.params import ParameterError
from backend.methods.question import TokenLogit
from backend.methods.registry import method_named
from backend.methods.steps import Partial
from backend.models.loaded import LanguageModel
from tests.unit.methods.neurons.sentence.conftest import Run, Steps, question
from tests.unit.methods.neurons.sentence.models import SHARES, TARGET, Bench, bag, broken, gpt2, llama

TEXT = "w7 w39 w0 w20 w31 w12"
IDS = [7, 39, 0, 20, 31, 12]
MAPS = ("token_gradient", "token_ig", "token_occlusion")
EXACT = 1e-6
REAL = "The capital of France is"


def embedded(model: LanguageModel, text: str = TEXT) -> Tensor:
    return TokenPasses(model).embeddings(torch.tensor([model.tokenizer.encode(text).ids]))


def logit_of(model: LanguageModel, target: TokenLogit) -> Any:
    """The module by itself, from embeddings (rows, tokens, width) to the target's logit (rows,)."""
    return lambda rows: model.module(inputs_embeds=rows, use_cache=False).logits[:, target.position, target.index]


def hooks_of(model: LanguageModel) -> int:
    """Hooks on any module; the library itself leaves some once it was asked for attentions."""
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.module.modules())


def agree(ours: np.ndarray, theirs: Tensor, largest: float = EXACT) -> None:
    expected = theirs.detach().double().numpy()
    assert np.abs(expected).max() > 0
    assert np.abs(ours - expected).max() <= largest * np.abs(expected).max()


def test_gradient_times_embedding_is_each_words_own_share_of_a_sum(run: Run) -> None:
    found = run("token_gradient", bag(), TEXT)
    assert np.allclose(found.attribution, SHARES[IDS].numpy(), atol=1e-6)
    assert found.score == pytest.approx(float(SHARES[IDS].sum()))
    assert np.allclose(found.strength, 1.0)  # the logit moves by 1 where the first number of an embedding does
    assert found.tokens == tuple(TEXT.split())


@pytest.mark.parametrize("baseline", ["zero", "mean", "pad"])
def test_integrated_gradients_of_a_sum_are_the_shares_less_those_of_the_baseline(run: Run, baseline: str) -> None:
    found = run("token_ig", bag(), TEXT, baseline=baseline)
    start = {"zero": 0.0, "mean": float(SHARES.mean()), "pad": float(SHARES[3])}[baseline]
    assert np.allclose(found.attribution, SHARES[IDS].numpy() - start, atol=1e-6)
    assert abs(found.facts["residual"]) < 1e-9
    assert found.facts["points"] == 9  # a straight line needs no refinement


def test_occlusion_of_a_sum_is_what_the_log_probability_loses_without_the_word(run: Run) -> None:
    found = run("token_occlusion", bag(), TEXT)
    total = float(SHARES[IDS].sum())

    def log_probability(logit: float) -> float:
        return logit - math.log(math.exp(logit) + 39)

    expected = [log_probability(total) - log_probability(total - float(SHARES[word])) for word in IDS]
    assert np.allclose(found.attribution, expected, atol=1e-6)
    assert found.score == pytest.approx(log_probability(total))
    assert found.unit == "log probability"


@pytest.mark.parametrize("replacement", ["remove", "pad", "mean"])
@pytest.mark.parametrize("window", [1, 3])
def test_occlusion_equals_prompts_written_without_the_window(run: Run, replacement: str, window: int) -> None:
    model = llama()
    found = run("token_occlusion", model, TEXT, window=window, replacement=replacement)
    passes, rows = TokenPasses(model), torch.tensor([IDS])
    everything = passes.embeddings(torch.arange(40)[None])[0]
    fill = {"pad": everything[3], "mean": everything.mean(0)}

    def answer(embeddings: Tensor) -> float:
        return float(model.module(inputs_embeds=embeddings).logits[0, -1].log_softmax(0)[TARGET])

    whole, expected = answer(passes.embeddings(rows)), []
    for start in range(len(IDS) - window + 1):
        embeddings = passes.embeddings(rows)
        if replacement == "remove":
            embeddings = torch.cat([embeddings[:, :start], embeddings[:, start + window :]], dim=1)
        else:
            embeddings[:, start : start + window] = fill[replacement]
        expected.append(whole - answer(embeddings))
    per_token = [np.mean([loss for start, loss in enumerate(expected) if start <= at < start + window]) for at in range(len(IDS))]
    assert np.allclose(found.attribution, per_token, atol=1e-6)
    assert found.facts["windows"] == len(expected)


@pytest.mark.parametrize("make", [llama, gpt2])
@pytest.mark.parametrize("position", [-1, 3])
def test_gradient_times_embedding_equals_captums(run: Run, make: Any, position: int) -> None:
    model, target = make(), TokenLogit(TARGET, position)
    found = run("token_gradient", model, TEXT, target)
    theirs = InputXGradient(logit_of(model, target)).attribute(embedded(model).requires_grad_())[0].sum(-1)
    agree(found.attribution, theirs)


@pytest.mark.parametrize("make", [llama, gpt2])
@pytest.mark.parametrize("baseline", ["mean", "pad", "zero"])
@pytest.mark.parametrize(("rule", "named"), [("gauss-legendre", "gausslegendre"), ("midpoint", "riemann_middle")])
def test_integrated_gradients_equal_captums_at_the_same_rule(run: Run, make: Any, baseline: Any, rule: str, named: str) -> None:
    model, target = make(), TokenLogit(TARGET)
    found = run("token_ig", model, TEXT, target, rule=rule, steps=16, baseline=baseline)
    sample = embedded(model)
    start = baseline_embedding(model, baseline).expand_as(sample)
    theirs, delta = IntegratedGradients(logit_of(model, target)).attribute(
        sample, start, n_steps=16, method=named, return_convergence_delta=True
    )
    agree(found.attribution, theirs[0].sum(-1))
    assert found.facts["residual"] == pytest.approx(float(delta), abs=1e-6)


def test_adaptive_parts_add_up_within_5_percent_on_a_random_decoder(run: Run) -> None:
    found = run("token_ig", llama(), TEXT)
    assert found.facts["absolute_residual_share"] <= 0.05
    change = found.score - found.facts["baseline_logit"]
    assert float(found.attribution.sum()) == pytest.approx(change + found.facts["residual"], abs=1e-5)


def test_a_path_cut_short_says_what_is_missing(run: Run) -> None:
    found = run("token_ig", llama(), TEXT, steps=8, rule="midpoint")
    missing = abs(float(found.attribution.sum()) - (found.score - found.facts["baseline_logit"]))
    assert found.facts["residual"] != 0
    assert missing == pytest.approx(abs(found.facts["residual"]), abs=1e-5)
    assert f"within {100 * found.facts['residual_share']:.1f} %" in found.note


def test_on_the_real_model_the_default_sums_within_5_percent_and_the_zero_embedding_is_refused_in_words(
    run: Run, smollm2: LanguageModel
) -> None:
    target = TokenLogit(smollm2.tokenizer.encode(" Paris").ids[0])
    found = run("token_ig", smollm2, REAL, target)
    print(f"\nSmolLM2-135M, Q4_1 de-quantised: {found.note}", end="")
    assert found.facts["residual_share"] < 0.05
    assert found.blank is None
    zero = run("token_ig", smollm2, REAL, target, baseline="zero")
    assert zero.blank is not None
    assert "mean embedding" in zero.blank


@pytest.mark.parametrize("name", MAPS)
def test_tokens_behind_the_explained_position_have_nothing_to_do_with_it(run: Run, name: str) -> None:
    model = llama()
    found = run(name, model, TEXT, TokenLogit(TARGET, 2))
    alone = run(name, model, "w7 w39 w0", TokenLogit(TARGET))
    assert found.position == 2
    assert np.array_equal(found.attribution[:3], alone.attribution)
    assert (found.attribution[3:] == 0).all()
    assert len(found.tokens) == len(found.attribution) == 6


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("position", [6, -7, 99])
def test_a_position_outside_of_the_prompt_is_refused_with_its_limits(steps: Steps, name: str, position: int) -> None:
    with pytest.raises(ParameterError, match=f"Position: {position} is outside 0 to 5"):
        steps(name, llama(), TEXT, TokenLogit(TARGET, position))


def test_a_window_that_leaves_nothing_is_refused(steps: Steps) -> None:
    with pytest.raises(ParameterError, match="Window: 6 leaves nothing of 6 tokens .* the limit is 5"):
        steps("token_occlusion", llama(), TEXT, window=6)
    with pytest.raises(ParameterError, match="Window: 1 leaves nothing of 1 tokens"):
        steps("token_occlusion", llama(), "w7")


@pytest.mark.parametrize("name", MAPS)
def test_an_answer_that_is_no_number_is_told_and_not_drawn(run: Run, name: str) -> None:
    assert run(name, broken(bag()), TEXT).blank is not None


@pytest.mark.parametrize("name", MAPS)
def test_steps_are_whole_snapshots_in_order(steps: Steps, name: str) -> None:
    found = steps(name, llama(), TEXT)
    partial = [step for step in found if isinstance(step, Partial)]
    assert [step.done for step in partial] == sorted({step.done for step in partial})
    assert all(np.isfinite(step.value.attribution).all() for step in partial)
    assert partial or name == "token_gradient"


@pytest.mark.parametrize("name", MAPS)
def test_the_model_is_left_as_it_was_and_no_hook_at_any_step(smollm2: LanguageModel, name: str) -> None:
    asked = question(name, REAL, TokenLogit(7), **({"steps": 16} if name == "token_ig" else {}))
    held = TokenAsking(asked, Bench(smollm2))
    before = TokenPasses(smollm2).forward(held.tokens, logits="all").logits
    hooks = hooks_of(smollm2)
    for _ in method_named(name).run(asked, held):
        assert hooks_of(smollm2) == hooks
    assert torch.equal(TokenPasses(smollm2).forward(held.tokens, logits="all").logits, before)


def test_a_token_is_given_the_mean_of_its_windows() -> None:
    found = covered_mean(np.array([[0, 2], [1, 3]]), np.array([1.0, 5.0]), 4)
    assert found.tolist() == [1, 3, 5, 0]
