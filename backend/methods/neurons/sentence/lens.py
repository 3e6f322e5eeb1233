"""The residual stream of one prompt, read layer by layer through the final norm and the unembedding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from backend.data.pieces import piece_texts
from backend.methods.neurons.logit_lens import TOP

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

ROWS_AT_ONCE = 128  # positions whose logits are held at a time: 25 MB of a vocabulary of 49,152
LAYERS_AT_ONCE = 8


def layers_read(asking: TokenAsking) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Yield layers read, layers in all, and the fields of `LogitLens` so far; the last layer is read first."""
    texts = piece_texts(asking.model.tokenizer, asking.tokens[0].tolist())
    residual = asking.forward(asking.tokens, logits="none", residual=True).residual
    assert residual is not None
    streams = residual[0]  # (layers, tokens, width)
    final = lens(asking, streams[-1])  # (tokens, vocabulary)
    other = _elsewhere(len(texts), asking.question.seed)
    found = _empty(len(streams), len(texts), min(TOP, final.shape[1]))
    for block in _blocks(len(streams), len(texts)):
        for layer in block:
            parts = _parts(len(texts))
            read = [_compared(lens(asking, streams[layer, part]), final[part], final[other[part]]) for part in parts]
            for name, values in found.items():
                values[layer] = np.concatenate([part[name] for part in read])
        yield len(streams) - block[-1], len(streams), {"tokens": texts, **{name: found[name].copy() for name in found}}


def _blocks(layers: int, tokens: int) -> list[list[int]]:
    """Layers read at a step: the last alone, since the answer stands there, then downwards as many as a short step allows."""
    most = max(1, min(LAYERS_AT_ONCE, ROWS_AT_ONCE // tokens))
    below = list(reversed(range(layers - 1)))
    return [[layers - 1], *(below[start : start + most] for start in range(0, layers - 1, most))]


@torch.inference_mode()
def lens(asking: TokenAsking, stream: Tensor) -> Tensor:
    """Log probabilities of the next token read from a residual stream (tokens, width), (tokens, vocabulary)."""
    logits = asking.model.head(asking.model.final_norm(stream))
    return logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(dim=-1)


@torch.inference_mode()
def _compared(read: Tensor, final: Tensor, elsewhere: Tensor) -> dict[str, np.ndarray]:
    """What is told of the positions whose log probabilities are `read`, beside the model's own there and elsewhere."""
    top = read.exp().topk(min(TOP, read.shape[1]), dim=-1)
    answer = final.argmax(dim=-1, keepdim=True)  # (tokens, 1)
    return {
        "top_tokens": top.indices.int().cpu().numpy(),
        "top_probabilities": top.values.float().cpu().numpy(),
        "divergence": _divergence(final, read),
        "rank": ((read > read.gather(-1, answer)).sum(dim=-1) + 1).int().cpu().numpy(),
        "control": _divergence(elsewhere, read),
    }


def _divergence(one: Tensor, other: Tensor) -> np.ndarray:
    """Σ p (log p − log q) of rows of log probabilities, float32 (tokens,)."""
    return (one.exp() * (one - other)).sum(dim=-1).float().cpu().numpy()


def _elsewhere(tokens: int, seed: int) -> np.ndarray:
    """For each position another one, drawn by a random cycle through all; itself where there is no other."""
    cycle = np.random.default_rng(seed).permutation(tokens)
    other = np.empty(tokens, dtype=np.int64)
    other[cycle] = np.roll(cycle, 1)
    return other


def _parts(tokens: int) -> list[slice]:
    return [slice(start, start + ROWS_AT_ONCE) for start in range(0, tokens, ROWS_AT_ONCE)]


def _empty(layers: int, tokens: int, top: int) -> dict[str, np.ndarray]:
    return {
        "top_tokens": np.full((layers, tokens, top), -1, dtype=np.int32),
        "top_probabilities": np.full((layers, tokens, top), np.nan, dtype=np.float32),
        "divergence": np.full((layers, tokens), np.nan, dtype=np.float32),
        "rank": np.full((layers, tokens), -1, dtype=np.int32),
        "control": np.full((layers, tokens), np.nan, dtype=np.float32),
    }
