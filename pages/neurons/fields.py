"""Which part of the model's frame a cell of a unit's map looks at."""

from __future__ import annotations

from backend.methods.neurons.receptive_field import ReceptiveFields, typical_field
from backend.methods.params import ParameterError
from backend.methods.question import Box, Weights
from pages.neurons.answers import answer
from pages.neurons.scene import Scene


def field_box(scene: Scene, place: int) -> Box | None:
    """What the cell number `place` of the scene's unit mostly looks at; None while it is not known.

    A deep cell can see the whole frame, which would be no crop: the box holds nine tenths of its squared gradient.
    """
    if scene.unit is None:
        return None
    found = answer(scene, scene.view.question("receptive_field", Weights())).value
    if not isinstance(found, ReceptiveFields):
        return None
    try:
        return typical_field(found, scene.unit.layer, place)
    except ParameterError:  # of an index that is no longer the model's
        return None
