"""The projections of attention, head by head, and where its queries and keys are turned by position."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from backend.methods.neurons.weights.block_norms import ReadingGains, block_module
from backend.models.loaded import LanguageModel

PROJECTIONS = ("q_proj", "k_proj", "v_proj")


@dataclass(frozen=True)
class AttentionWeights:
    """Weights of one block's heads, float32.

    queries: (heads, size, width). keys, values: (groups, size, width), each read by heads // groups heads in a row.
    outputs: (heads, width, size).
    """

    queries: Tensor
    keys: Tensor
    values: Tensor
    outputs: Tensor

    @property
    def shared(self) -> int:
        """How many heads share one key and one value."""
        return len(self.queries) // len(self.keys)

    @property
    def group_of(self) -> Tensor:
        """The key of each head, int64 (heads,)."""
        return torch.arange(len(self.queries), device=self.queries.device) // self.shared


def attention_weights(model: LanguageModel, number: int, gains: ReadingGains) -> AttentionWeights | None:
    """The heads of one block with the gain folded in; None where `attention_views` has none."""
    views = attention_views(model, number)
    if views is None:
        return None
    gain = gains.attention
    return AttentionWeights(views.queries * gain, views.keys * gain, views.values * gain, views.outputs)


def attention_views(model: LanguageModel, number: int) -> AttentionWeights | None:
    """The heads of one block without the gain, views of the model's own weights where it computes in float32.

    None where projections have other names than q_proj, k_proj and v_proj or GPT-2's c_attn, or where queries and keys are
    normalised, so that no weight alone says what they are.
    """
    point, block = model.units[f"attention.{number}"], block_module(model, number)
    three = _projections(block)
    if three is None:
        return None
    query, key, value = (weight.to(torch.float32).unflatten(0, (-1, point.size)) for weight in three)  # (heads, size, width)
    output = _weight(model.module.get_submodule(point.module))
    assert output is not None
    outputs = output.to(torch.float32).unflatten(1, (point.count, point.size)).transpose(0, 1)  # (heads, width, size)
    return AttentionWeights(query, key, value, outputs)


def key_projection(model: LanguageModel, number: int) -> str | None:
    """The module path of a block's key projection; None where it is part of a fused one."""
    block = block_module(model, number)
    path = next((name for name, _ in block.named_modules() if name.endswith("k_proj")), None)
    start = model.units[f"mlp.{number}"].module.split(f".{number}.")[0]
    return None if path is None else f"{start}.{number}.{path}"


def _projections(block: nn.Module) -> tuple[Tensor, ...] | None:
    named = {name.rsplit(".", 1)[-1]: part for name, part in block.named_modules()}
    if {"q_norm", "k_norm", "q_layernorm", "k_layernorm"} & set(named):
        return None
    if all(name in named for name in PROJECTIONS):
        found = [_weight(named[name]) for name in PROJECTIONS]
    elif "c_attn" in named:
        fused = _weight(named["c_attn"])
        found = list(fused.chunk(3)) if fused is not None else [None]
    else:
        return None
    known = tuple(weight for weight in found if weight is not None)
    return known if len(known) == 3 else None


def _weight(part: nn.Module) -> Tensor | None:
    """A projection as (out, in), GPT-2's transposed one too; None for what is none."""
    weight = getattr(part, "weight", None)
    if not isinstance(weight, Tensor) or weight.dim() != 2:
        return None
    return weight.detach().T if type(part).__name__ == "Conv1D" else weight.detach()


def turned_key(model: LanguageModel, keys: Tensor, positions: int) -> Tensor:
    """Keys at position 0 as queries at positions 1 to `positions` meet them on average, (..., size).

    Rotary embeddings leave position 0 as it is and turn a query at position m by m times each pair's frequency, so that the
    mean score over positions is the unturned query times this vector. Without rotary embeddings keys stay as they are.
    """
    frequencies = next((part.inv_freq for part in model.module.modules() if hasattr(part, "inv_freq")), None)
    if not isinstance(frequencies, Tensor):
        return keys
    angles = torch.arange(1, positions + 1, device=keys.device)[:, None] * frequencies.to(keys.dtype)  # (positions, pairs)
    cosine, sine = angles.cos().mean(dim=0), angles.sin().mean(dim=0)  # (pairs,)
    pairs = len(frequencies)
    first, second, rest = keys.split([pairs, pairs, keys.shape[-1] - 2 * pairs], dim=-1)
    return torch.cat([first * cosine + second * sine, second * cosine - first * sine, rest], dim=-1)
