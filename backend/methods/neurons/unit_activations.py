"""What every unit does on one prompt or photo, at every position, from one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.neurons.unit import Unit
from backend.methods.question import Image, Prompt, Question
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import UNITS, UnitLayer

if TYPE_CHECKING:
    from backend.engine.asking import AnyAsking


@dataclass(frozen=True)
class UnitActivationsParams:
    """Which layers are read."""

    layers: Annotated[str, "Layers to read, by name and separated by commas; empty reads all of them."] = ""


@dataclass(frozen=True)
class UnitActivations:
    """Every unit's value at every position of one sample.

    tokens: the prompt's tokens as texts; empty for a photo. layers: those read, in forward order.
    values: by layer, float16 (positions, units), ends of the type standing for what is beyond them; of a head the norm of its
        output. Positions of a photo go row by row over the layer's grid.
    grids: by layer of a photo, rows and columns; a token that stands for no part of the photo comes before them.
    logits: float32 (outputs,), of the classes or of the token that follows the prompt.
    """

    tokens: tuple[str, ...]
    layers: tuple[UnitLayer, ...]
    values: Mapping[str, np.ndarray]
    grids: Mapping[str, tuple[int, int]]
    logits: np.ndarray
    passes: PassCount
    seconds: float

    def unit(self, unit: Unit) -> np.ndarray:
        """One unit's values, float32 (positions,). Raises KeyError for a layer that was not read."""
        return self.values[unit.layer][:, unit.index].astype(np.float32)

    def grid(self, unit: Unit) -> np.ndarray:
        """One unit's map over the photo, float32 (rows, columns). Raises KeyError for a layer without one."""
        rows, columns = self.grids[unit.layer]
        return self.unit(unit)[-rows * columns :].reshape(rows, columns)


@method(
    "unit_activations",
    title="Activations here",
    page="neurons",
    params=UnitActivationsParams,
    inputs=Image | Prompt,
    needs=frozenset({UNITS}),
    returns=UnitActivations,
    teaching=Teaching(
        "Asks how strongly every unit fires at every token of a prompt, or at every place of a photo.",
        "It cannot tell whether the answer depends on a unit: many fire strongly and change nothing when they are switched off.",
        "Karpathy, Johnson and Fei-Fei 2015, Visualizing and Understanding Recurrent Networks, section 4.2.",
    ),
    cost=lambda params, card: PassCount(1),
)
def unit_activations(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield the values. Raises ParameterError for a layer there is not."""
    from backend.methods.neurons.interventions.activations import activations

    yield from activations(question, asking)
