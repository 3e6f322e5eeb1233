"""Loaded language models whose weights the tests look into: planted, shuffled, of GPT-2's shape, and the default one."""

from __future__ import annotations

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from backend.methods.question import ModelRef
from backend.models.language import language_model
from backend.models.loaded import LanguageModel
from backend.models.loading import load_any
from tests.unit.methods.neurons.planted_transformer import PLAN, build, tokenizer


@pytest.fixture(scope="module")
def planted() -> LanguageModel:
    module, words = build(PLAN)
    return language_model("planted", module.requires_grad_(False), words, "r")


@pytest.fixture(scope="module")
def shuffled() -> LanguageModel:
    module, words = build(PLAN, shuffled=True)
    return language_model("planted-shuffled", module.requires_grad_(False), words, "r")


@pytest.fixture(scope="module")
def gpt2_shaped() -> LanguageModel:
    """Random weights with LayerNorm, fused attention, transposed projections and no gates; norms are not the identity."""
    torch.manual_seed(0)
    size = len(PLAN.vocabulary)
    module = GPT2LMHeadModel(GPT2Config(vocab_size=size, n_embd=32, n_layer=3, n_head=4, n_positions=64, n_inner=48)).eval()
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if "ln_" in name and name.endswith("weight"):
                weight.copy_(0.5 + torch.rand_like(weight))
    return language_model("gpt2-shaped", module.requires_grad_(False), tokenizer(PLAN), "r")


@pytest.fixture(scope="module")
def smollm2() -> LanguageModel:
    loaded = load_any(ModelRef("smollm2-135m-instruct"))
    assert isinstance(loaded, LanguageModel)
    return loaded
