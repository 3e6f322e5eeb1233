"""Which part of the model's frame a cell of a unit's map can see."""

from __future__ import annotations

from backend.methods.question import Box
from pages.neurons.scene import Scene


def field_box(scene: Scene, place: int) -> Box | None:
    """The receptive field of the cell number `place` of the scene's unit, row by row; None while it is not known."""
    return None
