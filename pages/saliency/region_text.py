"""A region as a link writes it, and back."""

from __future__ import annotations

from typing import get_args

from backend.methods.params import ParameterError
from backend.methods.question import Box, Fill, RegionEdit, Stroke


def write_region(edit: RegionEdit) -> str:
    """A region as a link writes it: fill, what is kept, then boxes (b) and strokes (s)."""
    parts = [edit.fill, "keep" if edit.keep else "erase"]
    for shape in edit.shapes:
        if isinstance(shape, Box):
            numbers: list[float] = [shape.left, shape.top, shape.right, shape.bottom]
        else:
            numbers = [shape.width, *(value for point in shape.points for value in point)]
        parts.append(("b" if isinstance(shape, Box) else "s") + "_".join(f"{number:g}" for number in numbers))
    return "~".join(parts)


def read_region(text: str) -> RegionEdit:
    """The region written by `write_region`. Raises ParameterError for anything else."""
    fill, keep, *shapes = [*text.split("~"), ""][:66] if text.count("~") else ("", "")
    if fill not in get_args(Fill) or keep not in ("keep", "erase"):
        raise ParameterError(f"The link's region, {text[:40]!r}, is not one.")
    chosen = next(option for option in get_args(Fill) if option == fill)
    return RegionEdit(tuple(_shape(shape) for shape in shapes if shape), chosen, keep == "keep")


def _shape(text: str) -> Box | Stroke:
    try:
        numbers = [float(number) for number in text[1:].split("_")]
        if text[0] == "b":
            return Box(*numbers)
        if text[0] == "s" and len(numbers) >= 3 and len(numbers) % 2:
            return Stroke(tuple(zip(numbers[1::2], numbers[2::2], strict=True)), numbers[0])
    except (ValueError, TypeError):
        pass
    raise ParameterError(f"The link's region has a part {text[:40]!r} that is no box and no stroke.")
