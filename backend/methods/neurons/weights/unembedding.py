"""What a write to the residual stream says about the next token: the unembedding behind the final norm, and the writes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from backend.models.card import UnitLayer
from backend.models.loaded import LanguageModel


def neuron_layers(model: LanguageModel) -> tuple[UnitLayer, ...]:
    """The MLP layers in forward order: what flat arrays over all neurons stand in."""
    return tuple(layer for layer in model.card.units if layer.name in model.neurons)


def computed_in(model: LanguageModel) -> torch.dtype:
    """float64 where the model is, float32 otherwise: products in half precision would reorder tokens."""
    return torch.float64 if model.dtype == torch.float64 else torch.float32


def readout(model: LanguageModel) -> Tensor:
    """The unembedding with the final norm's gain folded in, centred over the vocabulary: (tokens, width).

    A write w changes the logits, before the final norm divides by its scale, by readout · w. What all logits share is
    taken off, as softmax does not see it. Rows beyond the tokenizer's last token, which some models pad with, are left out.
    """
    named = min(model.unembedding.shape[0], model.tokenizer.get_vocab_size(with_added_tokens=True))
    dtype = computed_in(model)
    folded = model.unembedding[:named].to(dtype) * model.final_gain.to(dtype)  # (tokens, width)
    return folded.sub_(folded.mean(dim=0))


def writes(model: LanguageModel, layer: str) -> Tensor:
    """What each neuron of a layer adds to the stream at activation 1, as the final norm sees it: (neurons, width).

    A LayerNorm takes the mean over the width off, an RMSNorm does not.
    """
    found = model.neurons[layer].writes.to(computed_in(model))
    return found - found.mean(dim=1, keepdim=True) if has_layer_norm(model) else found


def has_layer_norm(model: LanguageModel) -> bool:
    """Whether the model's norms take means off, as LayerNorm does."""
    return any(isinstance(part, nn.LayerNorm) for part in model.module.modules())


def unit_rows(rows: Tensor) -> Tensor:
    """Rows scaled to length 1; a row of zeros stays."""
    lengths = rows.norm(dim=1, keepdim=True)
    return rows / lengths.where(lengths > 0, torch.ones_like(lengths))
