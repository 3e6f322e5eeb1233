"""Passes over sequences of a corpus: where neurons fire, and the loss with some neurons switched off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from backend.data.token_corpus import TokenCorpus
from backend.engine.token_passes import TokenPasses
from backend.methods.neurons.weights.block_norms import block_module
from backend.methods.neurons.weights.unembedding import neuron_layers
from backend.models.hooks import UnitEdit, UnitPoint
from backend.models.loaded import LanguageModel


def padded(corpus: TokenCorpus, items: np.ndarray) -> tuple[Tensor, Tensor]:
    """Sequences as rows, int64 (rows, tokens), and which tokens are not padding, bool (rows, tokens)."""
    rows = [corpus.item(int(item)) for item in items]
    tokens = np.zeros((len(rows), max(len(row) for row in rows)), dtype=np.int64)
    for row, ids in zip(tokens, rows, strict=True):
        row[: len(ids)] = ids
    lengths = np.array([len(row) for row in rows])
    return torch.from_numpy(tokens), torch.from_numpy(np.arange(tokens.shape[1]) < lengths[:, None])


class FiringPasses:
    """Counts the tokens at which each neuron's gate is open, or at which a neuron without gate is positive."""

    def __init__(self, asking: TokenPasses) -> None:
        model = asking.model
        self.layers = [layer.name for layer in neuron_layers(model)]
        points = {name: _gate_point(model, name) for name in self.layers}
        self.gated = all(point is not None for point in points.values())
        seen = {name: point for name, point in points.items() if point is not None}
        # Edits of the question name units as the model does, so gates get names of their own beside them.
        named = {f"gate of {name}": point for name, point in seen.items()} if self.gated else {}
        self._recorded = list(named) or self.layers
        self._passes = TokenPasses(
            replace(model, units={**model.units, **named}), asking.chunks.speed, asking.chunks.meter, asking.edits
        )

    def counts(self, tokens: Tensor, keep: Tensor) -> np.ndarray:
        """How many tokens open each neuron, the first token of each row left out: int64 (neurons,) in flat order."""
        record = self._passes.forward(tokens, keep=keep, logits="none", units=self._recorded)
        kept = keep[:, 1:, None].to(self._passes.model.device)
        found = [((record.units[name][:, 1:] > 0) & kept).sum(dim=(0, 1)) for name in self._recorded]
        return torch.cat(found).cpu().numpy()


def _gate_point(model: LanguageModel, layer: str) -> UnitPoint | None:
    """Where a layer's gates are computed; None where it has none."""
    gate, number = model.neurons[layer].gate, int(layer.rsplit(".", 1)[1])
    if gate is None:
        return None
    block = block_module(model, number)
    path = next(name for name, part in model.module.named_modules() if part is block)
    inside = next(name for name, part in block.named_modules() if isinstance(part, nn.Linear) and part.weight is gate)
    return UnitPoint(f"{path}.{inside}", "output", -1, len(gate), "neuron")


def switched_off(model: LanguageModel, neurons: np.ndarray) -> list[UnitEdit]:
    """Edits that hold the neurons, bool (neurons,) in flat order, at zero."""
    edits, start = [], 0
    for layer in neuron_layers(model):
        own = torch.from_numpy(neurons[start : start + layer.count].copy())
        start += layer.count
        if bool(own.any()):
            factor = (~own).to(model.device, model.dtype)[None, None]  # (1, 1, units)
            edits.append(UnitEdit(layer.name, factor, torch.zeros_like(factor)))
    return edits


def losses(asking: TokenPasses, tokens: Tensor, keep: Tensor, edits: list[UnitEdit]) -> np.ndarray:
    """The summed cross-entropy of each row's tokens after its first, nats, float64 (rows,)."""
    logits = asking.forward(tokens, keep=keep, logits="all", edits=edits).logits
    assert logits is not None
    targets = tokens[:, 1:].to(logits.device)
    each = torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2).float(), targets, reduction="none")
    return (each * keep[:, 1:].to(logits.device)).sum(dim=1).double().cpu().numpy()
