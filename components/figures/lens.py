"""The logit lens as a map: layers from the answer down to the embedding, the prompt in columns, the token read in each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from components.figures.frame import Figure, axis, base_layout, plain, typed
from components.palette import PALETTES, Theme, count_scale

Measure = Literal["probability", "divergence", "rank"]
ROW_HEIGHT = 18
WORDED_COLUMNS = 14  # more leave no room for a word in a cell
_MARGIN = {"l": 44, "r": 0, "t": 8, "b": 96}
_WORDS = {
    "probability": "probability of the token read",
    "divergence": "nats from the model's own answer",
    "rank": "rank of the model's own answer",
}


def lens_height(layers: int) -> int:
    """The figure's height in px for so many layers."""
    return ROW_HEIGHT * layers + _MARGIN["t"] + _MARGIN["b"]


def lens_map(
    values: np.ndarray,
    words: Sequence[Sequence[str]],
    hover: Sequence[Sequence[str]],
    tokens: Sequence[str],
    measure: Measure,
    theme: Theme,
    first: int = 0,
    chosen: int | None = None,
) -> Figure:
    """A heat map (layers, tokens); a click's x is the token's place in the prompt.

    values: float32 (layers, tokens) of `measure`, NaN where a layer is not read yet; large ones are pale where small is near.
    words, hover: by layer and token, the token read and lines about it, plain text. first: the place of the first token shown.
    chosen: the place of the token that is explained, framed.
    """
    palette, near_is_small = PALETTES[theme], measure != "probability"
    shown = np.log10(np.maximum(values, 1)) if measure == "rank" else values
    places = list(range(first, first + values.shape[1]))
    top = {"probability": 1.0, "rank": None, "divergence": None}[measure] or max(1.0, float(np.nanmax(shown, initial=1.0)))
    trace = {
        "type": "heatmap",
        "x": places,
        "y": list(range(len(values))),
        "z": typed(shown.astype(np.float32)),
        "zmin": 0,
        "zmax": top,
        "colorscale": count_scale(theme),
        "reversescale": near_is_small,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hovertext": [list(map(_lines, row)) for row in hover],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "colorbar": _bar(measure, top, theme),
    }
    if len(tokens) <= WORDED_COLUMNS:
        trace |= {
            "text": [[plain(word, 12) for word in row] for row in words],
            "texttemplate": "%{text}",
            "textfont": {"size": 11},
        }
    layout = _layout([plain(token, 12) for token in tokens], places, len(values), theme)
    if chosen is not None and chosen in places:
        line = {"color": palette.text, "width": 1.5}
        edges = {"x0": chosen - 0.5, "x1": chosen + 0.5, "y0": -0.5, "y1": len(values) - 0.5}
        layout["shapes"] = [{"type": "rect", **edges, "line": line, "fillcolor": "rgba(0,0,0,0)"}]
    return {"data": [trace], "layout": layout}


def _lines(text: str) -> str:
    return "<br>".join(plain(line) for line in text.split("\n"))


def _bar(measure: Measure, top: float, theme: Theme) -> Figure:
    ticks = [0, top / 2, top]
    texts = [f"{float(f'{10**tick:.2g}'):,.0f}" if measure == "rank" else f"{tick:.2g}" for tick in ticks]
    return {
        "orientation": "h",
        "thickness": 7,
        "len": 0.5,
        "x": 0,
        "xanchor": "left",
        "y": 0,
        "yanchor": "top",
        "ypad": 52,
        "outlinewidth": 0,
        "tickvals": ticks,
        "ticktext": texts,
        "ticklabeloverflow": "allow",
        "tickfont": {"size": 12, "color": PALETTES[theme].muted},
        "title": {"text": _WORDS[measure], "side": "bottom", "font": {"size": 12, "color": PALETTES[theme].muted}},
    }


def _layout(names: list[str], places: list[int], layers: int, theme: Theme) -> Figure:
    every = max(1, -(-len(names) // 24))
    ticks = {"tickvals": places[::every], "ticktext": names[::every], "tickfont": {"size": 12, "color": PALETTES[theme].text}}
    rows = [*range(0, layers - 1, 5), layers - 1]
    return base_layout(
        theme,
        margin=_MARGIN,
        xaxis=axis(theme, showgrid=False, tickangle=0 if len(names) <= WORDED_COLUMNS else 60, **ticks),
        yaxis=axis(theme, showgrid=False, tickvals=rows, ticktext=["embed", *(str(row) for row in rows[1:])]),
        dragmode=False,
        shapes=[],
    )
