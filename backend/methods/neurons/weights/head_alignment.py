"""How far a direction of the stream is what a head writes, or what it reads by query, key and value."""

from __future__ import annotations

import torch
from torch import Tensor

from backend.methods.neurons.neuron_connections import Port
from backend.methods.neurons.weights.attention import AttentionWeights


def head_writes(heads: AttentionWeights, directions: Tensor) -> Tensor:
    """‖vᵀ W_OV‖ / ‖W_OV‖ for unit directions v (rows, width): (rows, heads). W_OV = outputs · values, never built.

    Gurnee et al.'s o-composition (universal-neurons, weights.py). For a random direction it is near 1 / √width.
    """
    through = torch.einsum("rw,hws->hrs", directions, heads.outputs)
    return _aligned(through, _gram(heads.outputs.transpose(1, 2)), _gram(heads.values)[heads.group_of])


def head_reads(heads: AttentionWeights, directions: Tensor) -> dict[Port, Tensor]:
    """By query, key and value: ‖W v‖ / ‖W‖ for unit directions v (rows, width), each (rows, heads).

    W is W_QK seen from its query and from its key side, and W_OV. Rotary embeddings turn W_QK with the distance of the two
    tokens; it is taken here at distance 0, where they leave it as it is.
    """
    group = heads.group_of
    queries, keys, values = _gram(heads.queries), _gram(heads.keys)[group], _gram(heads.values)[group]
    outputs = _gram(heads.outputs.transpose(1, 2))
    asked = torch.einsum("hsw,rw->hrs", heads.queries, directions)
    offered = torch.einsum("hsw,rw->hrs", heads.keys, directions)[group]
    passed = torch.einsum("hsw,rw->hrs", heads.values, directions)[group]
    return {
        "query": _aligned(asked, queries, keys), "key": _aligned(offered, keys, queries),
        "value": _aligned(passed, values, outputs),
    }  # fmt: skip


def _gram(rows: Tensor) -> Tensor:
    """Inner products of a head's rows (heads, size, width): (heads, size, size)."""
    return rows @ rows.transpose(1, 2)


def _aligned(through: Tensor, own: Tensor, other: Tensor) -> Tensor:
    """‖B y‖ / ‖B A‖ in Frobenius norm, y = A v in (heads, rows, size), from the Gram matrices of A and of B, (rows, heads)."""
    lengths = torch.einsum("hrs,hst,hrt->rh", through, other, through).clamp(min=0).sqrt()
    whole = torch.einsum("hst,hst->h", own, other).clamp(min=0).sqrt()
    return lengths / whole.where(whole > 0, torch.ones_like(whole))
