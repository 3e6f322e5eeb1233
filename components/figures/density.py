"""When a unit fires: the histogram of its activations on a logarithmic scale, its strongest shares marked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from components.figures.frame import Figure, axis, base_layout
from components.palette import PALETTES, Theme

DENSITY_HEIGHT = 250
BANDS = (0.99, 0.998)  # the shares that examples are drawn from, marked where they are known
_LEAST = 0.6  # a bar of one count still has a height on a logarithmic axis


def density(
    counts: np.ndarray, low: float, high: float, quantiles: Mapping[float, float], theme: Theme, of: str = "positions"
) -> Figure:
    """Bars of how often each activation occurs, with dotted lines at the quantiles of `BANDS` that are given.

    counts: whole numbers (bins,), of equal width from `low` to `high`; the first and the last also hold what lies beyond.
    quantiles: share of positions below → activation. of: what was counted, in words. Raises ValueError where the edges
    are not in order or the bins are not one row.
    """
    if counts.ndim != 1 or not counts.size or not low < high:
        raise ValueError(f"a histogram of shape {counts.shape} from {low} to {high} cannot be drawn")
    marks = {share: float(np.clip(quantiles[share], low, high)) for share in BANDS if share in quantiles}
    layout = base_layout(
        theme,
        margin={"l": 40, "r": 40, "t": 8, "b": 40},  # the last line's name stands to its right, wherever it is
        bargap=0.08,
        xaxis=axis(theme, showgrid=False, title={"text": "activation", "font": _muted(theme), "standoff": 6}, range=[low, high]),
        yaxis=axis(theme, type="log", range=_range(counts), dtick=1, tickformat="~s"),
        shapes=[_line(value, theme) for value in marks.values()],
        annotations=_names(marks, theme),
        dragmode=False,
    )
    return {"data": [_bars(counts, low, high, list(marks.values()), of, theme)], "layout": layout}


def _bars(counts: np.ndarray, low: float, high: float, marks: list[float], of: str, theme: Theme) -> Figure:
    palette = PALETTES[theme]
    edges = np.linspace(low, high, len(counts) + 1)
    centres = (edges[:-1] + edges[1:]) / 2
    shades = (*(palette.band, palette.counts[1])[: len(marks)], palette.accent)
    bands = np.searchsorted(np.asarray(marks), centres) if marks else np.zeros(len(counts), dtype=int)
    bands[-1] = len(marks)  # it holds all beyond
    return {
        "type": "bar",
        "x": centres.tolist(),
        "y": [int(count) or None for count in counts],  # nothing is no bar; its logarithm is not to be had
        "width": (edges[1] - edges[0]) * 0.92,
        "marker": {"color": [shades[band] for band in bands]},
        "hovertext": _hover(counts, edges, of),
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _hover(counts: np.ndarray, edges: np.ndarray, of: str) -> list[str]:
    last = len(counts) - 1
    texts = []
    for place, count in enumerate(counts):
        span = f"{edges[place]:.3g} to {edges[place + 1]:.3g}".replace("-", "−")
        beyond = " and less" if place == 0 else " and more" if place == last else ""
        texts.append(f"<b>{int(count):,}</b> {of}<br>{span}{beyond}")
    return texts


def _range(counts: np.ndarray) -> list[float]:
    return [float(np.log10(_LEAST)), float(np.log10(max(int(counts.max()), 10))) + 0.1]


def _line(value: float, theme: Theme) -> Figure:
    line = {"color": PALETTES[theme].muted, "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "x", "yref": "paper", "x0": value, "x1": value, "y0": 0, "y1": 1, "line": line}


def _names(marks: Mapping[float, float], theme: Theme) -> list[Figure]:
    """The last line's name on its right and the others' on their left, so that they keep apart however close the lines are."""
    last = max(marks, default=None)
    shared = {"xref": "x", "yref": "paper", "y": 1, "yanchor": "top", "showarrow": False, "font": _muted(theme)}
    return [
        {
            **shared,
            "x": value,
            "xanchor": "left" if share == last else "right",
            "xshift": 3 if share == last else -3,
            "text": f"{100 * share:g} %",
        }
        for share, value in marks.items()
    ]


def _muted(theme: Theme) -> Figure:
    return {"size": 12, "color": PALETTES[theme].muted}
