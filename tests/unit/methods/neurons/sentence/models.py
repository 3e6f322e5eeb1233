"""Small language models for tests: one whose answer is a sum over its tokens, and random decoders of two families."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn

from backend.engine.chunks import Speed
from backend.methods.question import Question
from backend.models.card import FORWARD, GRADIENTS, UNITS, VOCABULARY, LanguageCard
from backend.models.language import language_model
from backend.models.loaded import LanguageModel

WORDS = [f"w{number}" for number in range(40)]
SHARES = torch.linspace(-2, 2, len(WORDS), dtype=torch.float64)  # what each word adds to the logit of word 1
TARGET, WIDTH = 1, 8


def tokenizer(words: list[str] = WORDS) -> Tokenizer:
    """One token a word, words apart by spaces."""
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token=words[0]))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


class Bag(nn.Module):
    """Word 1's logit is the sum of the shares of the words so far, and the other words' logits are 0."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(WORDS), WIDTH, dtype=torch.float64)
        self.head = nn.Linear(WIDTH, len(WORDS), bias=False, dtype=torch.float64)
        self.config = SimpleNamespace(pad_token_id=3)
        with torch.no_grad():
            nn.init.normal_(self.embed.weight, generator=torch.Generator().manual_seed(1))
            self.embed.weight[:, 0] = SHARES
            self.head.weight.zero_()
            self.head.weight[TARGET, 0] = 1.0


def bag() -> LanguageModel:
    """The planted model, ready to be asked."""
    module = Bag().requires_grad_(False)

    def body(rows: Tensor, keep: Tensor | None, residual: bool) -> tuple[Tensor, Tensor | None]:
        embedded = module.embed(rows) if rows.dim() == 2 else rows
        summed = embedded.cumsum(dim=1)  # (rows, tokens, width)
        return summed, torch.stack([embedded, summed], dim=1) if residual else None

    card = LanguageCard("test-bag", "1", 0, len(WORDS), 1, WIDTH, 64, frozenset({FORWARD, GRADIENTS, UNITS, VOCABULARY}), "cpu")
    return LanguageModel(
        card=card, module=module, tokenizer=tokenizer(), body=body, head=module.head, embed=module.embed, units={}, neurons={},
        final_gain=torch.ones(WIDTH), final_norm=nn.Identity(), unembedding=module.head.weight, device=torch.device("cpu"),
        dtype=torch.float64,
    )  # fmt: skip


def llama(dtype: torch.dtype = torch.float64) -> LanguageModel:
    """A random decoder of Llama's shape, two query heads a key-value head."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, pad_token_id=3, bos_token_id=1, eos_token_id=2, initializer_range=0.2,
    )  # fmt: skip
    return _wrapped("test-llama", LlamaForCausalLM(config), dtype)


def gpt2(dtype: torch.dtype = torch.float64) -> LanguageModel:
    """A random decoder of GPT-2's shape, whose layers are transposed and have biases."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(WORDS), n_embd=32, n_layer=2, n_head=4, n_positions=64, initializer_range=0.2)
    return _wrapped("test-gpt2", GPT2LMHeadModel(config), dtype)


def _wrapped(name: str, module: Any, dtype: torch.dtype) -> LanguageModel:
    return language_model(name, module.eval().requires_grad_(False).to(dtype), tokenizer(), "1")


class Bench:
    """A workshop that lends one model and remembers results."""

    def __init__(self, model: LanguageModel) -> None:
        self.lent = model
        self.results: dict[str, Any] = {}

    def model(self, ref: Any, edits: tuple[Any, ...] = ()) -> LanguageModel:
        """The model, whatever the name."""
        return self.lent

    def speed(self, ref: Any) -> Speed:
        """A pace nobody has measured."""
        return Speed()

    def known(self, question: Question) -> Any:
        """What was kept under the question."""
        return self.results.get(question.hash)

    def keep(self, question: Question, value: Any) -> None:
        """Remember it."""
        self.results[question.hash] = value


def broken(model: LanguageModel) -> LanguageModel:
    """The model, every answer of which is not a number."""

    def body(rows: Tensor, keep: Tensor | None, residual: bool) -> tuple[Tensor, Tensor | None]:
        hidden, streams = model.body(rows, keep, residual)
        return hidden * float("nan"), streams

    return replace(model, body=body)
