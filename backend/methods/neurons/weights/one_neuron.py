"""One neuron's write projected to the vocabulary, beside the same write with its coordinates shuffled."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from backend.methods.neurons.neuron_tokens import NeuronTokens, NeuronTokensParams
from backend.methods.neurons.weights.extremes import extremes
from backend.methods.neurons.weights.unembedding import neuron_layers, readout, writes
from backend.methods.params import ParameterError
from backend.models.card import UnitLayer
from backend.models.loaded import LanguageModel


def tokens_of(model: LanguageModel, params: NeuronTokensParams, seed: int) -> NeuronTokens:
    """The neuron's tokens and what chance gives. Raises ParameterError for a layer or a neuron there is not."""
    layer = _layer(model, params)
    write = writes(model, layer.name)[params.unit]  # (width,)
    generator = torch.Generator().manual_seed(seed)
    orders = [torch.randperm(len(write), generator=generator) for _ in range(params.controls)]
    rows = torch.stack([write, *(write[order.to(write.device)] for order in orders)])  # (1 + controls, width)
    logits = rows @ readout(model).T  # (1 + controls, tokens)
    top_logits, top, bottom_logits, bottom = extremes(logits[:1], min(params.tokens, logits.shape[1]))
    return NeuronTokens(
        layer.name, params.unit,
        _array(top[0], np.int32), _array(top_logits[0], np.float32),
        _array(bottom[0], np.int32), _array(bottom_logits[0], np.float32),
        _array(logits[1:].abs().amax(dim=1), np.float32),
    )  # fmt: skip


def _layer(model: LanguageModel, params: NeuronTokensParams) -> UnitLayer:
    layers = {layer.name: layer for layer in neuron_layers(model)}
    name = params.layer or list(layers)[len(layers) // 2]
    if name not in layers:
        raise ParameterError(f"Layer: there is no MLP {name[:40]!r} in {model.card.name}; there are {', '.join(layers)[:200]}.")
    if params.unit >= layers[name].count:
        raise ParameterError(f"Unit: {params.unit} is outside 0 to {layers[name].count - 1}, the neurons of {name}.")
    return layers[name]


def _array(values: Tensor, kind: type) -> np.ndarray:
    return values.cpu().numpy().astype(kind)
