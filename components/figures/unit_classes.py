"""Where units of a kind sit: a heat map of kinds by layers; a click picks a cell."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from components.figures.frame import Figure, axis, base_layout, plain
from components.palette import PALETTES, Theme, count_scale

ROW_PIXELS = 34
_GAP = 1.5
_MOST_TICKS = 9


def share_map(
    kinds: Sequence[str],
    layers: Sequence[str],
    counts: np.ndarray,
    totals: np.ndarray,
    theme: Theme,
    chosen: tuple[str, str] | None = None,
) -> Figure:
    """How large a share of each layer's units is of each kind, on a square-root scale; a click's x and y are indices.

    counts: int (kinds, layers); totals: int (layers,), the units of each layer. chosen: the kind and layer that is framed.
    """
    shares = 100 * counts / np.maximum(totals, 1)  # (kinds, layers)
    hover = [
        [
            f"<b>{shares[row, column]:.1f} %</b> of {plain(layer)}, {counts[row, column]:,} of {totals[column]:,}: {plain(kind)}"
            for column, layer in enumerate(layers)
        ]
        for row, kind in enumerate(kinds)
    ]
    most = float(shares.max(initial=0.0)) or 1.0
    trace = _cells(np.sqrt(shares / most), hover, theme) | {"showscale": True, "colorbar": _share_bar(most, theme)}
    return {"data": [trace], "layout": _layout(kinds, layers, theme, chosen, right=52)}


def median_map(
    statistics: Sequence[str], layers: Sequence[str], medians: np.ndarray, theme: Theme, chosen: tuple[str, str] | None = None
) -> Figure:
    """The median of each statistic in each layer, float (statistics, layers), each row on its own scale from least to most.

    Rows have units of their own, so colours compare layers and never statistics. NaN stays clear.
    """
    low, high = np.nanmin(medians, axis=1, keepdims=True), np.nanmax(medians, axis=1, keepdims=True)
    span = np.where(high > low, high - low, 1.0)
    hover = [
        [f"<b>{medians[row, column]:.3g}</b> median {plain(name)} in {plain(layer)}" for column, layer in enumerate(layers)]
        for row, name in enumerate(statistics)
    ]
    trace = _cells((medians - low) / span, hover, theme) | {"showscale": False}
    return {"data": [trace], "layout": _layout(statistics, layers, theme, chosen, right=8)}


def map_height(rows: int) -> int:
    """Pixels that so many rows need with the axis below."""
    return ROW_PIXELS * rows + 52


def _cells(values: np.ndarray, hover: list[list[str]], theme: Theme) -> Figure:
    """The heat map of values from 0 to 1, (rows, columns)."""
    return {
        "type": "heatmap",
        "z": [[None if math.isnan(value) else round(float(value), 4) for value in row] for row in values],
        "zmin": 0,
        "zmax": 1,
        "colorscale": count_scale(theme),
        "xgap": _GAP,
        "ygap": _GAP,
        "hovertext": hover,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _share_bar(most: float, theme: Theme) -> Figure:
    shown = (0.0, most / 4, most)
    return {
        "tickvals": [math.sqrt(share / most) for share in shown],
        "ticktext": [f"{share:.3g} %" if share == most else f"{share:.2g}" for share in shown],
        "tickfont": {"size": 12, "color": PALETTES[theme].muted},
        "thickness": 7,
        "outlinewidth": 0,
        "len": 1.0,
        "ticks": "",
        "ticklabeloverflow": "allow",
        "x": 1.01,
        "xpad": 0,
        "ypad": 0,
    }


def _layout(rows: Sequence[str], layers: Sequence[str], theme: Theme, chosen: tuple[str, str] | None, right: int) -> Figure:
    palette = PALETTES[theme]
    numbers = [re.fullmatch(r"\w+\.(\d+)", layer) for layer in layers]
    short = [match[1] if match else plain(layer, 12) for match, layer in zip(numbers, layers, strict=True)]
    every = max(1, math.ceil(len(layers) / _MOST_TICKS)) if all(numbers) else 1
    names = {"tickvals": list(range(len(rows))), "ticktext": [plain(row, 24) for row in rows]}
    layout = base_layout(
        theme,
        margin={"l": 0, "r": right, "t": 6, "b": 44},
        xaxis=axis(
            theme, showgrid=False, tickangle=0, tickvals=list(range(0, len(layers), every)), ticktext=short[::every],
            title={"text": "layer", "font": {"size": 12, "color": palette.muted}, "standoff": 6},
        ),
        yaxis=axis(
            theme, showgrid=False, autorange="reversed", automargin=True, ticklabelstandoff=6, **names,
            tickfont={"size": 13, "color": palette.text},
        ),
        dragmode=False,
    )  # fmt: skip
    layout["shapes"] = _frame(rows, layers, chosen, palette.text)
    return layout


def _frame(rows: Sequence[str], layers: Sequence[str], chosen: tuple[str, str] | None, colour: str) -> list[Figure]:
    """A line around the chosen cell; around a whole row or column where only one of the two is chosen."""
    if chosen is None:
        return []
    row, layer = chosen
    if (row and row not in rows) or (layer and layer not in layers) or not (row or layer):
        return []
    x = (layers.index(layer),) * 2 if layer else (0, len(layers) - 1)
    y = (rows.index(row),) * 2 if row else (0, len(rows) - 1)
    line = {"color": colour, "width": 2}
    return [{"type": "rect", "x0": x[0] - 0.5, "x1": x[1] + 0.5, "y0": y[0] - 0.5, "y1": y[1] + 0.5, "line": line}]
