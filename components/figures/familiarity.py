"""Where one sample's coverage stands among held-out ones: a histogram with a line."""

from __future__ import annotations

import numpy as np

from components.figures.frame import Figure, axis, base_layout
from components.palette import PALETTES, Theme

STRIP_HEIGHT = 130
BINS = 30


def familiarity(held_out: np.ndarray, score: float, theme: Theme) -> Figure:
    """Bars of how many held-out samples, float32 (samples,), have which coverage, and the sample's own as a marked line."""
    palette = PALETTES[theme]
    low, high = min(float(held_out.min()), score), max(float(held_out.max()), score)
    room = 0.03 * ((high - low) or 0.1)
    counts, edges = np.histogram(held_out, bins=BINS, range=(low - room, high + room))
    bars = {
        "type": "bar", "x": ((edges[:-1] + edges[1:]) / 2).tolist(), "y": counts.tolist(), "width": float(edges[1] - edges[0]),
        "marker": {"color": palette.band}, "hovertemplate": "%{y} pictures at %{x:.3f}<extra></extra>",
    }  # fmt: skip
    line = {"color": palette.accent, "width": 2.5}
    own = {"type": "line", "x0": score, "x1": score, "yref": "paper", "y0": 0, "y1": 1, "line": line}
    left = score < (low + high) / 2
    name = {
        "x": score, "y": 1, "yref": "paper", "yanchor": "top", "xanchor": "left" if left else "right", "showarrow": False,
        "text": f" this one {score:.3f} ", "font": {"size": 13, "color": palette.accent},
    }  # fmt: skip
    title = {"text": "coverage", "font": {"size": 13, "color": palette.muted}, "standoff": 4}
    layout = base_layout(
        theme,
        margin={"l": 30, "r": 6, "t": 4, "b": 36},
        bargap=0.08,
        xaxis=axis(theme, range=[low - room, high + room], showgrid=False, title=title),
        yaxis=axis(theme, nticks=3),
        shapes=[own],
        annotations=[name],
        dragmode=False,
    )
    return {"data": [bars], "layout": layout}
