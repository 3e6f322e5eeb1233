"""Prompts with a window of tokens taken away, and what the target's log probability loses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from backend.methods.neurons.sentence.embedding_path import baseline_embedding, filler_token
from backend.methods.neurons.sentence.explained import Explained, growing, rows_at_once

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking
    from backend.methods.neurons.token_occlusion import Replacement


def windows(tokens: int, width: int) -> np.ndarray:
    """Start and stop of every window of `width` neighbouring tokens, int64 (tokens − width + 1, 2)."""
    starts = np.arange(tokens - width + 1)
    return np.stack([starts, starts + width], axis=1)


def losses(
    asking: TokenAsking, prompt: Explained, where: np.ndarray, replacement: Replacement
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield the target's log probability and what it loses by the windows so far, float64 (done,), in the order of `where`."""
    whole = float(target_log_probability(asking, prompt.tokens, prompt)[0])
    found = np.empty(0)
    for part in growing(len(where), rows_at_once(prompt.tokens.shape[1])):
        rows = _without(asking, prompt.tokens, where[part], replacement)
        found = np.concatenate([found, whole - target_log_probability(asking, rows, prompt)])
        yield whole, found


def target_log_probability(asking: TokenAsking, rows: Tensor, prompt: Explained) -> np.ndarray:
    """The target's log probability after the last token of each row, float64 (rows,)."""
    logits = asking.forward(rows).logits
    assert logits is not None
    return logits[:, -1].double().log_softmax(dim=-1)[:, prompt.target.index].cpu().numpy()


def _without(asking: TokenAsking, tokens: Tensor, where: np.ndarray, replacement: Replacement) -> Tensor:
    """The prompt (1, tokens) once for each window (n, 2), without it: shorter, or with something in its place."""
    count = tokens.shape[1]
    hidden = torch.zeros(len(where), count, dtype=torch.bool)
    for row, (start, stop) in enumerate(where):
        hidden[row, start:stop] = True
    if replacement == "remove":
        return torch.stack([tokens[0][~row] for row in hidden])  # (n, tokens − width)
    if replacement == "pad":
        return torch.where(hidden, filler_token(asking.model), tokens)  # (n, tokens)
    mean = baseline_embedding(asking.model, "mean")
    return torch.where(hidden[..., None].to(mean.device), mean, asking.embeddings(tokens))  # (n, tokens, width)
