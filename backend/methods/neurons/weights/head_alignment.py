"""How far a direction of the stream is what a head writes, or what it reads by query, key and value."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.methods.neurons.neuron_connections import Port
from backend.methods.neurons.weights.attention import AttentionWeights


@dataclass(frozen=True)
class HeadGrams:
    """Inner products of the rows of a block's projections, gains folded in, each (heads, size, size).

    They hold all that alignments need of a composed matrix W_QK = queriesᵀ · keys or W_OV = outputs · values, never built.
    """

    queries: Tensor
    keys: Tensor
    values: Tensor
    outputs: Tensor

    @classmethod
    def of(cls, heads: AttentionWeights) -> HeadGrams:
        """From the weights with their gains folded in."""
        group = heads.group_of
        grams = [rows @ rows.transpose(1, 2) for rows in (heads.queries, heads.keys, heads.values)]
        outputs = heads.outputs.transpose(1, 2) @ heads.outputs
        return cls(grams[0], grams[1][group], grams[2][group], outputs)


def head_writes(heads: AttentionWeights, grams: HeadGrams, directions: Tensor) -> Tensor:
    """‖vᵀ W_OV‖ / ‖W_OV‖ for unit directions v (rows, width): (rows, heads).

    Gurnee et al.'s o-composition (universal-neurons, weights.py). For a random direction it is near 1 / √width.
    """
    through = torch.einsum("rw,hws->hrs", directions, heads.outputs)
    return _aligned(through, grams.outputs, grams.values)


def head_reads(heads: AttentionWeights, grams: HeadGrams, read: Tensor) -> dict[Port, Tensor]:
    """By query, key and value: ‖W v‖ / ‖W‖, each (rows, heads), for unit directions times the gain, `read` (rows, width).

    heads: without the gain. W is W_QK seen from its query and from its key side, and W_OV. Rotary embeddings turn W_QK with
    the distance of the two tokens; it is taken here at distance 0, where they leave it as it is.
    """
    group = heads.group_of
    asked = torch.einsum("hsw,rw->hrs", heads.queries, read)
    offered = torch.einsum("hsw,rw->hrs", heads.keys, read)[group]
    passed = torch.einsum("hsw,rw->hrs", heads.values, read)[group]
    return {
        "query": _aligned(asked, grams.queries, grams.keys), "key": _aligned(offered, grams.keys, grams.queries),
        "value": _aligned(passed, grams.values, grams.outputs),
    }  # fmt: skip


def _aligned(through: Tensor, own: Tensor, other: Tensor) -> Tensor:
    """‖B y‖ / ‖B A‖ in Frobenius norm, y = A v in (heads, rows, size), from the Gram matrices of A and of B, (rows, heads)."""
    lengths = torch.einsum("hrs,hst,hrt->rh", through, other, through).clamp(min=0).sqrt()
    whole = torch.einsum("hst,hst->h", own, other).clamp(min=0).sqrt()
    return lengths / whole.where(whole > 0, torch.ones_like(whole))
