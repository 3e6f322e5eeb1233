"""Regions drawn on a photo: the figure to draw on, and the drawn shapes as the question knows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np

from backend.methods.question import Box, Stroke
from components.figures.frame import SMALL, Figure, axis, base_layout, data_uri
from components.palette import PALETTES, Theme, rgb

Tool = Literal["box", "brush"]

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
_MOST_POINTS = 200


def photo_with_region(
    frame: np.ndarray,
    theme: Theme,
    tool: Tool = "box",
    brush: float = 24,
    revision: str = "",
    region: Iterable[Box | Stroke] = (),
) -> Figure:
    """The photo `frame`, uint8 (H, W, C), to draw boxes or strokes `brush` px wide on, over the `region` given before.

    A new `revision` clears what was drawn in the browser.
    """
    height, width = frame.shape[:2]
    plain = axis(theme, showgrid=False, showticklabels=False, constrain="domain")
    layout = base_layout(
        theme,
        xaxis=plain | {"range": [0, width]},
        yaxis=plain | {"range": [height, 0], "scaleanchor": "x"},
        dragmode="drawrect" if tool == "box" else "drawopenpath",
        newshape=_pen(theme, tool) | {"name": f"{brush:g}" if tool == "brush" else ""},
        shapes=[_shape(part, theme) for part in region],
        editrevision=revision,
        images=[_photo(frame)],
    )
    # Without a trace Plotly draws no axes, and without axes nothing can be drawn on.
    trace = {"type": "scatter", "mode": "markers", "x": [0, width], "y": [0, height], "opacity": 0, "hoverinfo": "skip"}
    return {"data": [trace], "layout": layout}


def drawn_shapes(shapes: Iterable[Mapping[str, Any]]) -> tuple[Box | Stroke, ...]:
    """The drawn shapes as boxes and strokes in pixels of the frame; strokes thinned to 200 points, empty boxes dropped."""
    read = (_stroke(shape) if shape["type"] == "path" else _box(shape) for shape in shapes)
    return tuple(shape for shape in read if shape is not None)


def _box(shape: Mapping[str, Any]) -> Box | None:
    left, right = sorted((float(shape["x0"]), float(shape["x1"])))
    top, bottom = sorted((float(shape["y0"]), float(shape["y1"])))
    if right - left < 1 or bottom - top < 1:
        return None
    return Box(round(left, 1), round(top, 1), round(right, 1), round(bottom, 1))


def _stroke(shape: Mapping[str, Any]) -> Stroke | None:
    numbers = [round(float(number), 1) for number in _NUMBER.findall(str(shape["path"]))]
    points = list(zip(numbers[::2], numbers[1::2], strict=False))
    if not points:
        return None
    step = -(-len(points) // _MOST_POINTS)
    return Stroke((*points[:-1:step], points[-1]), float(shape["width"]))


def _pen(theme: Theme, tool: Tool) -> dict[str, Any]:
    red, green, blue = rgb(PALETTES[theme].accent)
    if tool == "box":
        return {"line": {"color": PALETTES[theme].accent, "width": 2}, "fillcolor": f"rgba({red},{green},{blue},0.25)"}
    return {"line": {"color": f"rgba({red},{green},{blue},0.5)", "width": 20}, "fillcolor": "rgba(0,0,0,0)"}


def _shape(part: Box | Stroke, theme: Theme) -> dict[str, Any]:
    if isinstance(part, Box):
        corners = {"x0": part.left, "x1": part.right, "y0": part.top, "y1": part.bottom}
        return {"type": "rect", **corners, **_pen(theme, "box")}
    path = "M" + "L".join(f"{x:g},{y:g}" for x, y in part.points)
    return {"type": "path", "path": path, "name": f"{part.width:g}", **_pen(theme, "brush")}


def _photo(frame: np.ndarray) -> Figure:
    height, width = frame.shape[:2]
    place = {"xref": "x", "yref": "y", "x": 0, "y": 0, "sizex": width, "sizey": height, "sizing": "stretch"}
    return place | {"source": data_uri(frame, 90), "layer": "below"}


def outlined(frame: np.ndarray, region: np.ndarray) -> np.ndarray:
    """The frame, uint8 (H, W, C), grey where it had one channel, its part outside of the region, bool (H, W), dimmed.

    Returns uint8 (H, W, 3): dimming and a line of white keep the photo's own colours inside, whatever they are.
    """
    height, width = region.shape
    pixels = np.broadcast_to(frame, (height, width, 3)).astype(np.float32)
    dimmed = np.where(region[..., None], pixels, 0.35 * pixels + 40)
    inner = region.copy()
    inner[1:] &= region[:-1]
    inner[:-1] &= region[1:]
    inner[:, 1:] &= region[:, :-1]
    inner[:, :-1] &= region[:, 1:]
    thin = min(height, width) >= SMALL  # a line would cover the pixels of a small picture
    dimmed[region & ~inner & thin] = 255
    return np.asarray(dimmed.round(), np.uint8)
