"""Which part of the model's frame a cell of a unit's map looks at, once the fields of the model are known."""

from __future__ import annotations

from backend.methods.neurons.receptive_field import ReceptiveFields, typical_field
from backend.methods.params import ParameterError
from backend.methods.question import Box
from pages.neurons.answers import answer
from pages.neurons.columns import weights_question
from pages.neurons.scene import Scene


def fields(scene: Scene) -> ReceptiveFields | None:
    """The receptive fields of the scene's model; None while they are not known, or where the model has none."""
    found = answer(scene, weights_question(scene, "receptive_field"))
    return found.value if isinstance(found.value, ReceptiveFields) else None


def awaited_words(scene: Scene) -> str:
    """That the fields are still being measured and what stands there instead; empty once they are known, or never will be."""
    found = answer(scene, weights_question(scene, "receptive_field"))
    if not found.awaited:
        return ""
    how_far = f" ({found.done:,} of {found.total:,} passes)" if found.total else ""
    return f"What a cell looks at is being measured{how_far}; until then the pictures stand here whole."


def field_box(scene: Scene, known: ReceptiveFields | None, place: int) -> Box | None:
    """What the cell number `place` of the scene's unit mostly looks at; None where fields are not known.

    A deep cell can see the whole frame, which would be no crop: the box holds nine tenths of its squared gradient.
    """
    if known is None or scene.unit is None:
        return None
    try:
        return typical_field(known, scene.unit.layer, place)
    except ParameterError:  # of an index that is no longer the model's
        return None


def field_words(known: ReceptiveFields, layer: str) -> str:
    """The size of the field in px, typical and exact, for a reader."""
    height, width = (round(side) for side in known.typical[layer])
    boxes = known.fields[layer]
    most = int((boxes[:, 3] - boxes[:, 1]).max()), int((boxes[:, 2] - boxes[:, 0]).max())
    return f"A cell mostly looks at {height} × {width} px, and can see {most[0]} × {most[1]} of {known.height} × {known.width}."
