"""What a change of units does: probabilities before and after as pairs of bars, and the effect against the strength."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.figures.frame import Figure, axis, base_layout, plain, typed
from components.palette import PALETTES, Theme

ROW, CURVE_HEIGHT = 40, 190
_NAME = 22  # letters of a class or token beside its bars


def bars_height(rows: int) -> int:
    """The height in px at which `change_bars` of so many rows are easy to tell apart."""
    return ROW * max(rows, 1) + 8


def change_bars(labels: Sequence[str], before: Sequence[float], after: Sequence[float], theme: Theme) -> Figure:
    """Two bars a label from the top down: grey as it is, the accent after the change. Raises ValueError for unequal lengths."""
    palette = PALETTES[theme]
    rows = list(zip(labels, map(float, before), map(float, after), strict=True))
    places = list(range(len(rows)))
    hover = [f"<b>{plain(label)}</b> {was:.4f} as it is, {now:.4f} changed" for label, was, now in rows]
    shared = {
        "type": "bar", "orientation": "h", "y": places, "width": 0.34, "hovertext": hover, "cliponaxis": False,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }  # fmt: skip
    was = shared | {"x": [row[1] for row in rows], "offset": -0.36, "marker": {"color": palette.band}}
    now = shared | {
        "x": [row[2] for row in rows],
        "offset": 0.0,
        "marker": {"color": palette.accent},
        "text": [f"{row[2]:.2f}  was {row[1]:.2f}" for row in rows],
        "textposition": "outside",
        "textfont": {"size": 13, "color": palette.text},
    }
    most = max([value for row in rows for value in row[1:]], default=1.0)
    names = {"tickvals": places, "ticktext": [plain(label, _NAME) for label in labels]}
    layout = base_layout(
        theme,
        margin={"l": 0, "r": 104, "t": 0, "b": 0},
        barmode="overlay",
        xaxis=axis(theme, range=[0, max(most, 1e-6)], visible=False),
        yaxis=axis(
            theme, range=[len(rows) - 0.5, -0.5], showgrid=False, automargin=True, ticklabelstandoff=6,
            tickfont={"size": 13, "color": palette.text}, **names,
        ),
        dragmode=False,
    )  # fmt: skip
    return {"data": [was, now], "layout": layout}


def effect_curve(
    strengths: np.ndarray, effect: np.ndarray, controls: np.ndarray, at: float, unchanged: float | None, theme: Theme, words: str
) -> Figure:
    """The effect (points,) against strengths (points,) as a line over the range of the controls (points, controls), NaN unknown.

    at: the strength that is shown beside it, marked. unchanged: the strength that changes nothing, None where there is none.
    words: what the horizontal axis is.
    """
    palette = PALETTES[theme]
    line = {
        "type": "scatter", "mode": "lines", "x": typed(strengths.astype(np.float32)), "y": typed(effect.astype(np.float32)),
        "line": {"color": palette.accent, "width": 2.2}, "hovertemplate": "<b>%{y:.3g}</b> at %{x:.3g}<extra></extra>",
    }  # fmt: skip
    place = int(np.abs(strengths - at).argmin())
    mark = {
        "type": "scatter", "mode": "markers", "x": [float(strengths[place])], "y": [_number(effect[place])],
        "marker": {"color": palette.accent, "size": 10}, "hoverinfo": "skip",
    }  # fmt: skip
    top = float(np.nanmax(np.concatenate([effect.ravel(), controls.ravel(), [1e-6]])))
    layout = base_layout(
        theme,
        margin={"l": 46, "r": 8, "t": 8, "b": 40},
        xaxis=axis(theme, showgrid=False, title=_title(words, theme), range=[float(strengths[0]), float(strengths[-1])]),
        yaxis=axis(theme, range=[0, 1.08 * top], nticks=4, title=_title("KL, nats", theme)),
        shapes=[_upright(unchanged, theme)] if unchanged is not None else [],
        dragmode=False,
    )
    return {"data": [*_band(strengths, controls, theme), line, mark], "layout": layout}


def _band(strengths: np.ndarray, controls: np.ndarray, theme: Theme) -> list[Figure]:
    """The range of the controls where all of them are measured; nothing where there is none."""
    known = np.isfinite(controls).all(axis=1) & (controls.shape[1] > 0)
    if not known.any():
        return []
    shared = {"type": "scatter", "mode": "lines", "x": typed(strengths[known].astype(np.float32)), "hoverinfo": "skip"}
    low, high = (typed(bound(controls[known], axis=1).astype(np.float32)) for bound in (np.min, np.max))
    edge = {"line": {"width": 0}}
    return [shared | edge | {"y": low}, shared | edge | {"y": high, "fill": "tonexty", "fillcolor": PALETTES[theme].band}]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _title(words: str, theme: Theme) -> Figure:
    return {"text": words, "font": {"size": 13, "color": PALETTES[theme].muted}, "standoff": 6}


def _upright(place: float, theme: Theme) -> Figure:
    line = {"color": PALETTES[theme].muted, "width": 1, "dash": "dot"}
    return {"type": "line", "x0": place, "x1": place, "y0": 0, "y1": 1, "yref": "paper", "line": line}
