"""Models ready to be asked: the module as the fast path wants it, and where its layers and units are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from backend.models.card import LanguageCard, ModelCard
from backend.models.hooks import UnitPoint


@dataclass(frozen=True)
class LayerPoint:
    """Where a layer is read: the module whose output is taken, and how that output becomes (batch, channels, h, w)."""

    module: str
    to_map: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ImageModel:
    """An image classifier in evaluation mode, batch norm folded, parameters without gradients, on its device.

    module: takes (batch, C, H, W) in `dtype`, gives logits (batch, classes).
    layers: by name, in forward order; the last one is the default of Grad-CAM.
    units: by layer name, in forward order: channels of those layers, or MLP neurons where the layers hold tokens.
    """

    card: ModelCard
    module: nn.Module
    layers: Mapping[str, LayerPoint]
    device: torch.device
    dtype: torch.dtype
    memory_format: torch.memory_format
    units: Mapping[str, UnitPoint] = field(default_factory=dict)


@dataclass(frozen=True)
class Neurons:
    """The MLP neurons of one block as weights, each (neurons, width), views of the model's own.

    reads: the input weights, of a gated MLP those of the linear half. gate: those of the gate; None where there is none.
    writes: what a neuron adds to the residual stream when its activation is 1.
    """

    reads: Tensor
    gate: Tensor | None
    writes: Tensor


@dataclass(frozen=True)
class LanguageModel:
    """A decoder in evaluation mode, parameters without gradients, on its device.

    body: (rows of token ids or embeddings, kept tokens or None, whether the residual stream is wanted) →
        the final norm's output (rows, tokens, width), and the stream (rows, blocks + 1, tokens, width) or None.
    head: (…, width) → logits (…, vocabulary). embed: token ids (rows, tokens) → (rows, tokens, width).
    units: by name, in forward order: "mlp.0" … the neurons, "attention.0" … the heads of each block.
    neurons: by unit layer "mlp.0" …, the weights. final_gain: (width,), the final norm's scale.
    final_norm: the norm before `head`, (…, width) → (…, width): what a lens on the residual stream needs.
    unembedding: (vocabulary, width).
    """

    card: LanguageCard
    module: nn.Module
    tokenizer: Tokenizer
    body: Callable[[Tensor, Tensor | None, bool], tuple[Tensor, Tensor | None]]
    head: Callable[[Tensor], Tensor]
    embed: Callable[[Tensor], Tensor]
    units: Mapping[str, UnitPoint]
    neurons: Mapping[str, Neurons]
    final_gain: Tensor
    final_norm: Callable[[Tensor], Tensor]
    unembedding: Tensor
    device: torch.device
    dtype: torch.dtype
