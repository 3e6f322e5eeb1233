"""A unit by name: as links write it, as readers see it, and as one number among all units of a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from backend.methods.params import ParameterError
from backend.models.card import UnitKind, UnitLayer


@dataclass(frozen=True, order=True)
class Unit:
    """One channel, neuron or head: the name of its layer and its number there."""

    layer: str
    index: int

    @property
    def text(self) -> str:
        """As links write it, "mlp.17:842"."""
        return f"{self.layer}:{self.index}"


def read_unit(text: str, layers: Sequence[UnitLayer]) -> Unit:
    """The unit that a link names. Raises ParameterError naming the layers or the limit."""
    layer, _, number = text.rpartition(":")
    found = next((item for item in layers if item.name == layer), None)
    if found is None:
        names = ", ".join(item.name for item in layers)
        raise ParameterError(f"There is no layer {layer[:40]!r} in this model; there are {names[:200]}.")
    if not re.fullmatch(r"\d{1,9}", number) or int(number) >= found.count:
        raise ParameterError(f"There is no unit {number[:12]!r} in {layer}; its units go from 0 to {found.count - 1}.")
    return Unit(layer, int(number))


def unit_title(unit: Unit, kind: UnitKind) -> str:
    """As readers see it: "L17 · N842", "L12 · head 5", "blocks.10 · channel 447"."""
    block = re.fullmatch(r"(?:mlp|attention)\.(\d+)", unit.layer)
    if kind == "channel" or block is None:
        return f"{unit.layer} · {kind} {unit.index}"
    return f"L{block[1]} · {'N' if kind == 'neuron' else 'head '}{unit.index}"


def position_of(unit: Unit, layers: Sequence[UnitLayer]) -> int:
    """The unit's place where all units stand in one row, layer after layer. Raises ParameterError where it is unknown."""
    before = 0
    for item in layers:
        if item.name == unit.layer and 0 <= unit.index < item.count:
            return before + unit.index
        before += item.count
    raise ParameterError(f"{unit.text[:60]} is no unit of this model.")


def unit_at(position: int, layers: Sequence[UnitLayer]) -> Unit:
    """The inverse of `position_of`. Raises ParameterError beyond the last unit."""
    for item in layers:
        if position < item.count:
            return Unit(item.name, position)
        position -= item.count
    raise ParameterError(f"There are only {sum(item.count for item in layers):,} units in this model.")
