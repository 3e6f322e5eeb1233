"""One pass that keeps what every unit does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from torch import Tensor

from backend.data.pieces import piece_texts
from backend.engine.asking import AnyAsking, TokenAsking
from backend.methods.neurons.interventions.choice import chosen_layers
from backend.methods.neurons.unit_activations import UnitActivations
from backend.methods.question import Question
from backend.methods.steps import Result, Step
from backend.models.card import ModelCard

LARGEST = float(np.finfo(np.float16).max)


def activations(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield the values of all units of the chosen layers. Raises ParameterError for a layer there is not."""
    before = time.perf_counter()
    card = asking.model.card
    layers = chosen_layers(question.params.layers, card.units)
    names = [layer.name for layer in layers]
    tokens: tuple[str, ...] = ()
    if isinstance(asking, TokenAsking):
        tokens = piece_texts(asking.model.tokenizer, asking.tokens[0].tolist())
        read = asking.forward(asking.tokens, units=names)
        assert read.logits is not None
        logits, units = read.logits[0, -1], read.units
    else:
        record = asking.forward(asking.sample[None], units=names)
        logits, units = record.logits[0], record.units
    values = {name: half(units[name][0]) for name in names}
    grids = _grids(card, values) if isinstance(card, ModelCard) else {}
    seconds = time.perf_counter() - before
    yield Result(UnitActivations(tokens, layers, values, grids, logits.float().cpu().numpy(), asking.spent, seconds))


def half(values: Tensor) -> np.ndarray:
    """One row's values, (positions, units) or (positions, heads, size), as float16 (positions, units); of heads the norms."""
    norms = values.float().norm(dim=-1) if values.dim() == 3 else values.float()
    return norms.clamp(-LARGEST, LARGEST).half().cpu().numpy()


def _grids(card: ModelCard, values: dict[str, np.ndarray]) -> dict[str, tuple[int, int]]:
    """Rows and columns of each layer: its own, or those of a layer of tokens that has as many but one at most."""
    own = {layer.name: (layer.height, layer.width) for layer in card.layers}
    shapes = sorted(set(own.values()))
    found = {}
    for name, array in values.items():
        near = [shape for shape in shapes if len(array) - shape[0] * shape[1] in (0, 1)]
        if name in own or near:
            found[name] = own.get(name) or near[0]
    return found
