"""A drawn picture, and how high a unit was driven on the way to it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from components.figures.frame import Figure, axis, base_layout, data_uri, plain, typed
from components.palette import DASHES, PALETTES, Theme

PICTURE_HEIGHT = 300
CURVE_HEIGHT = 170
_APART = 0.11  # of the axis: names of lines that stand closer are moved apart


def drawn_picture(pixels: np.ndarray, theme: Theme) -> Figure:
    """A picture, uint8 (H, W, C), on hidden axes that can be zoomed; a new frame under the same key replaces it in place."""
    height, width = pixels.shape[:2]
    hidden = axis(theme, showgrid=False, showticklabels=False, fixedrange=False, constrain="domain")
    place = {"xref": "x", "yref": "y", "x": 0, "y": 0, "sizex": width, "sizey": height, "sizing": "stretch"}
    layout = base_layout(
        theme,
        xaxis=hidden | {"range": [0, width]},
        yaxis=hidden | {"range": [height, 0], "scaleanchor": "x"},
        images=[place | {"source": data_uri(pixels, 90), "layer": "below"}],
        dragmode="zoom",
    )
    return {"data": [], "layout": layout}


def ascent_curve(curve: np.ndarray, best_at: int, total: int, lines: Mapping[str, float], theme: Theme) -> Figure:
    """The objective by step, float32 (steps so far,), the best step marked, and level lines to hold it against, by name.

    total: how many steps there will be. best_at: 1 for the first step, 0 for none yet.
    """
    palette = PALETTES[theme]
    steps = np.arange(1, len(curve) + 1, dtype=np.float32)
    trace = {
        "type": "scatter", "mode": "lines", "x": typed(steps), "y": typed(curve.astype(np.float32)),
        "line": {"color": palette.accent, "width": 2}, "hovertemplate": "step %{x:.0f}: <b>%{y:.3~g}</b><extra></extra>",
    }  # fmt: skip
    best = {
        "type": "scatter", "mode": "markers", "x": [best_at], "y": [float(curve[best_at - 1])] if best_at else [None],
        "marker": {"color": palette.accent, "size": 9, "symbol": "diamond"},
        "hovertemplate": "best frame, step %{x:.0f}<extra></extra>",
    }  # fmt: skip
    known = {name: value for name, value in lines.items() if np.isfinite(value)}
    values = [*known.values(), *(float(value) for value in curve[np.isfinite(curve)])] or [0.0, 1.0]
    low, high = min(values), max(values)
    room = 0.08 * ((high - low) or 1.0)
    layout = base_layout(
        theme,
        margin={"l": 44, "r": 150, "t": 8, "b": 36},
        xaxis=axis(theme, range=[0, total], showgrid=False, title=_title("step", theme)),
        yaxis=axis(theme, range=[low - room, high + room], nticks=4, tickformat="~g"),
        shapes=[_level(value, number, theme) for number, value in enumerate(known.values())],
        annotations=_names(known, (low - room, high + room), theme),
        dragmode=False,
    )
    return {"data": [trace, best], "layout": layout}


def _title(text: str, theme: Theme) -> Figure:
    return {"text": text, "font": {"size": 13, "color": PALETTES[theme].muted}, "standoff": 6}


def _level(value: float, number: int, theme: Theme) -> Figure:
    dash = DASHES[(number + 1) % len(DASHES)]
    line = {"color": PALETTES[theme].muted, "width": 1.3, "dash": dash}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value, "line": line}


def _names(lines: Mapping[str, float], ends: tuple[float, float], theme: Theme) -> list[Figure]:
    """Names at the right ends of their lines, moved up where two would stand on each other."""
    apart = _APART * (ends[1] - ends[0])
    places: list[float] = []
    ordered = sorted(lines.items(), key=lambda item: item[1])
    for _, value in ordered:
        places.append(max(value, places[-1] + apart) if places else value)
    over = max(0.0, places[-1] - ends[1]) if places else 0.0
    shared = {"xref": "paper", "x": 1, "xanchor": "left", "xshift": 6, "yanchor": "middle", "showarrow": False}
    font = {"size": 12, "color": PALETTES[theme].muted}
    return [
        shared | {"y": place - over, "text": plain(f"{name} {value:.3g}".replace("-", "−"), 24), "font": font}
        for place, (name, value) in zip(places, ordered, strict=True)
    ]
