"""The straight path between two texts, in embeddings: what Integrated Gradients of tokens reads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from backend.methods.neurons.sentence.explained import growing, rows_at_once
from backend.methods.saliency.series import AlphaPathSweep, PathRule
from backend.methods.saliency.sweeps.alpha_path import Line, along

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking
    from backend.methods.neurons.sentence.explained import Explained
    from backend.methods.neurons.token_ig import TokenBaseline
    from backend.models.loaded import LanguageModel


def embedding_path(
    asking: TokenAsking, prompt: Explained, baseline: TokenBaseline, rule: PathRule, steps: int
) -> Iterator[AlphaPathSweep]:
    """Yield the path's mean gradient as it forms, arrays (tokens, width), in the model's type."""

    def gradient(points: Tensor) -> tuple[Tensor, Tensor]:
        record = asking.gradient(points, prompt.last)
        return record.scores, record.gradient

    def score(point: Tensor) -> float:
        logits = asking.forward(point[None]).logits
        assert logits is not None
        return float(logits[0, -1, prompt.target.index])

    sample = asking.embeddings(prompt.tokens)[0]  # (tokens, width)
    start = baseline_embedding(asking.model, baseline).expand_as(sample)  # (tokens, width)
    most = rows_at_once(len(sample))
    line = Line(start, sample, gradient, score, partial(growing, most=most), at_once=most)
    yield from along(line, rule, steps)


def baseline_embedding(model: LanguageModel, baseline: TokenBaseline) -> Tensor:
    """The embedding every token starts from, (width,). The padding token's is the end token's where a model pads with none."""
    with torch.no_grad():
        everything = model.embed(torch.arange(model.card.vocabulary, device=model.device))  # (vocabulary, width)
        if baseline == "mean":
            return everything.mean(0)
        return everything[filler_token(model)] if baseline == "pad" else torch.zeros_like(everything[0])


def filler_token(model: LanguageModel) -> int:
    """The token that stands for nothing: the model's padding, else its end, else its beginning of text, else token 0."""
    config = model.module.config
    named = [getattr(config, f"{name}_token_id", None) for name in ("pad", "eos", "bos")]
    known = [token[0] if isinstance(token, list) else token for token in named if token is not None]
    return int(next((token for token in known if 0 <= token < model.card.vocabulary), 0))
