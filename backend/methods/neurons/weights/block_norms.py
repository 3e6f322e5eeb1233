"""The norms through which each block reads the residual stream, found by shape."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from backend.models.loaded import LanguageModel


@dataclass(frozen=True)
class ReadingGains:
    """What the norms before attention and before the MLP of a block multiply the stream by, each (width,)."""

    attention: Tensor
    mlp: Tensor


def block_module(model: LanguageModel, number: int) -> nn.Module:
    """The block as the model's family wrote it. Raises LookupError where its path cannot be told."""
    path = model.units[f"mlp.{number}"].module
    found = re.match(rf"(.+?\.{number})\.", path)
    if found is None:
        raise LookupError(f"{model.card.name}: {path} lies in no numbered block")
    return model.module.get_submodule(found[1])


def reading_gains(model: LanguageModel) -> tuple[ReadingGains, ...] | None:
    """The gains of every block; None where a block has other norms than one before each half, or one before both.

    Norms behind a half, as OLMo 2 and Gemma 2 have them, change what it writes by the stream itself: no weight says how.
    """
    found = [_gains(block_module(model, number), model.card.width) for number in range(model.card.blocks)]
    known = tuple(gains for gains in found if gains is not None)
    return known if len(known) == len(found) else None


def _gains(block: nn.Module, width: int) -> ReadingGains | None:
    norms = {name: _gain(part) for name, part in block.named_children() if _is_norm(part, width)}
    if not 1 <= len(norms) <= 2 or any("post_feedforward" in name or "post_mlp" in name for name in norms):
        return None
    gains = list(norms.values())
    return ReadingGains(gains[0], gains[-1])


def _is_norm(part: nn.Module, width: int) -> bool:
    weight = getattr(part, "weight", None)
    return isinstance(weight, Tensor) and tuple(weight.shape) == (width,)


def _gain(norm: nn.Module) -> Tensor:
    weight = norm.weight
    assert isinstance(weight, Tensor)
    return (weight.detach() + 1 if type(norm).__name__.startswith("Gemma") else weight.detach()).to(torch.float32)
