"""Attention heads: all of a model in one map of layers by heads, and one head's weights from token to token."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.figures.frame import Figure, axis, base_layout, plain, typed
from components.palette import PALETTES, Theme, count_scale

OVERVIEW_ROW = 14
MAP_HEIGHT = 470
HOVERED_TOKENS = 128  # more would send megabytes of hover text
_TICKS = 24
_OVERVIEW_MARGIN = {"l": 34, "r": 0, "t": 8, "b": 92}
_MAP_MARGIN = {"l": 0, "r": 8, "t": 8, "b": 0}


def overview_height(layers: int) -> int:
    """The overview's height in px for so many layers."""
    return OVERVIEW_ROW * layers + _OVERVIEW_MARGIN["t"] + _OVERVIEW_MARGIN["b"]


def heads_overview(values: np.ndarray, words: str, theme: Theme, chosen: tuple[int, int] | None = None) -> Figure:
    """A heat map of every head, x the head and y the layer, both of which a click tells.

    values: float32 (layers, heads), from 0 to 1. words: what they are. chosen: the layer and head that is framed.
    """
    layers, heads = values.shape
    trace = {
        "type": "heatmap",
        "x": list(range(heads)),
        "y": list(range(layers)),
        "z": typed(values.astype(np.float32)),
        "zmin": 0,
        "zmax": 1,
        "colorscale": count_scale(theme),
        "xgap": 1,
        "ygap": 1,
        "hovertemplate": f"<b>%{{z:.2f}}</b> {plain(words)}<br>layer %{{y}}, head %{{x}}<extra></extra>",
        "colorbar": _bar(words, theme),
    }
    layout = base_layout(
        theme,
        margin=_OVERVIEW_MARGIN,
        xaxis=axis(theme, showgrid=False, tickvals=_some(heads), title=_title("head", theme)),
        yaxis=axis(theme, showgrid=False, tickvals=_some(layers, 5)),
        dragmode=False,
        shapes=[_frame(*chosen, theme)] if chosen else [],
    )
    return {"data": [trace], "layout": layout}


def head_map(weights: np.ndarray, tokens: Sequence[str], words: str, theme: Theme, chosen: int | None = None) -> Figure:
    """One head's weights, (tokens, tokens): each row is a reading token, its columns the tokens it reads; the future is empty.

    words: what a value is. chosen: the reading token that is framed; a click's y is another.
    """
    count = len(tokens)
    values = np.where(np.tri(count, dtype=bool), weights.astype(np.float32), np.float32(np.nan))
    names = [plain(token, 12) for token in tokens]
    trace = {
        "type": "heatmap",
        "x": list(range(count)),
        "y": list(range(count)),
        "z": typed(values),
        "zmin": 0,
        "zmax": float(np.nanmax(values, initial=0.0)) or 1.0,
        "colorscale": count_scale(theme),
        "xgap": 1 if count <= 40 else 0,
        "ygap": 1 if count <= 40 else 0,
        "hoverongaps": False,
        "showscale": False,
        "hovertemplate": f"<b>%{{z:.3f}}</b> {plain(words)}<extra></extra>",
    }
    if count <= HOVERED_TOKENS:
        trace["hovertext"] = [[f"{reading} reads {read}" for read in names] for reading in names]
        trace["hovertemplate"] = f"<b>%{{z:.3f}}</b> {plain(words)}<br>%{{hovertext}}<extra></extra>"
    places = _some(count, max(1, -(-count // _TICKS)))
    ticks = {"tickvals": places, "ticktext": [names[place] for place in places]}
    font = {"tickfont": {"size": 12, "color": PALETTES[theme].text}}
    layout = base_layout(
        theme,
        margin=_MAP_MARGIN,
        xaxis=axis(theme, showgrid=False, automargin=True, tickangle=60, side="bottom", **ticks, **font),
        yaxis=axis(theme, showgrid=False, automargin=True, autorange="reversed", ticklabelstandoff=4, **ticks, **font),
        dragmode=False,
        shapes=[_row_frame(chosen, theme)] if chosen is not None and chosen < count else [],
    )
    return {"data": [trace], "layout": layout}


def _some(count: int, every: int = 1) -> list[int]:
    return list(range(0, count, every))


def _frame(layer: int, head: int, theme: Theme) -> Figure:
    edges = {"x0": head - 0.5, "x1": head + 0.5, "y0": layer - 0.5, "y1": layer + 0.5}
    return {"type": "rect", **edges, "line": {"color": PALETTES[theme].text, "width": 2}, "fillcolor": "rgba(0,0,0,0)"}


def _row_frame(row: int, theme: Theme) -> Figure:
    edges = {"x0": -0.5, "x1": row + 0.5, "y0": row - 0.5, "y1": row + 0.5}
    return {"type": "rect", **edges, "line": {"color": PALETTES[theme].text, "width": 1.5}, "fillcolor": "rgba(0,0,0,0)"}


def _title(text: str, theme: Theme) -> Figure:
    return {"text": text, "font": {"size": 12, "color": PALETTES[theme].muted}, "standoff": 4}


def _bar(words: str, theme: Theme) -> Figure:
    return {
        "orientation": "h",
        "thickness": 7,
        "x": 0,
        "xanchor": "left",
        "len": 1.0,
        "y": 0,
        "yanchor": "top",
        "ypad": 34,
        "outlinewidth": 0,
        "tickvals": [0, 0.5, 1],
        "ticklabeloverflow": "allow",
        "tickfont": {"size": 12, "color": PALETTES[theme].muted},
        "title": {"text": plain(words), "side": "bottom", "font": {"size": 12, "color": PALETTES[theme].muted}},
    }
