"""Which layer and which units of it a question names, and random units to hold them against."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from backend.methods.neurons.neuron_ablation import UnitSet
from backend.methods.params import ParameterError
from backend.models.card import UnitLayer

ALL = "all"


def chosen_layer(name: str, layers: Sequence[UnitLayer]) -> UnitLayer:
    """The layer of that name; without one, the middle layer of channels or neurons. Raises ParameterError naming the layers."""
    if not name:
        offered = [layer for layer in layers if layer.kind != "head"] or list(layers)
        return offered[len(offered) // 2]
    found = next((layer for layer in layers if layer.name == name), None)
    if found is None:
        names = ", ".join(layer.name for layer in layers)
        raise ParameterError(f"Layer: there is no {name[:40]!r}; there are {names[:200]}.")
    return found


def chosen_layers(names: str, layers: Sequence[UnitLayer]) -> tuple[UnitLayer, ...]:
    """The layers of a list separated by commas, in forward order; all where it is empty. Raises ParameterError."""
    if not names.strip():
        return tuple(layers)
    wanted = {chosen_layer(name.strip(), layers).name for name in names.split(",") if name.strip()}
    return tuple(layer for layer in layers if layer.name in wanted)


def chosen_units(text: str, unit: int, layer: UnitLayer) -> UnitSet:
    """The units a list separated by commas names, "all" for every one; `unit` alone where it is empty. Raises ParameterError."""
    if text.strip() == ALL:
        return UnitSet(layer.name)
    parts = [part.strip() for part in text.split(",")] if text.strip() else [str(unit)]
    for part in parts:
        if not re.fullmatch(r"\d{1,9}", part) or int(part) >= layer.count:
            raise ParameterError(f"Units: {part[:20]!r} is no unit of {layer.name}, whose units go from 0 to {layer.count - 1}.")
    return UnitSet(layer.name, tuple(sorted({int(part) for part in parts})))


def random_sets(chosen: UnitSet, layers: Sequence[UnitLayer], count: int, seed: int) -> tuple[UnitSet, ...]:
    """As many random sets of as many units of the same layer, none of them chosen where the layer has enough others.

    Of a whole layer, other whole layers of the same kind, at most as many as there are.
    """
    layer = chosen_layer(chosen.layer, layers)
    draw = np.random.default_rng(seed)
    if not chosen.units:
        others = [other.name for other in layers if other.kind == layer.kind and other.name != layer.name]
        return tuple(UnitSet(str(name)) for name in draw.permutation(others)[:count])
    free = np.setdiff1d(np.arange(layer.count), chosen.units)
    size = len(chosen.units)
    pool = free if len(free) >= size else np.arange(layer.count)
    if size == 1:  # each unit once
        return tuple(UnitSet(layer.name, (int(unit),)) for unit in draw.permutation(pool)[:count] if unit not in chosen.units)
    picks = [draw.choice(pool, size, replace=False) for _ in range(count)]
    return tuple(UnitSet(layer.name, tuple(sorted(int(unit) for unit in pick))) for pick in picks)
