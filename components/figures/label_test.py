"""A label's scores as dots with their intervals, on the grey band of other units' labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.figures.frame import Figure, axis, base_layout, plain
from components.palette import PALETTES, Theme

ROW_HEIGHT = 40
BAND_HALF = 0.28  # of a row


@dataclass(frozen=True)
class ScoreRow:
    """One score from 0 to 1 with the bounds of its interval, and the least and most of its controls; None while unknown."""

    name: str
    value: float
    low: float
    high: float
    controls: tuple[float, float] | None = None


def label_scores(rows: Sequence[ScoreRow], theme: Theme) -> Figure:
    """Rows from the top down. Filled: the interval lies above all controls; hollow: it does not, or they are not known yet."""
    palette = PALETTES[theme]
    dots = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [row.value for row in rows],
        "y": list(range(len(rows))),
        "text": [f"{row.value:.2f}" for row in rows],
        "textposition": "top center",
        "textfont": {"size": 12, "color": palette.text},
        "cliponaxis": False,
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [row.high - row.value for row in rows],
            "arrayminus": [row.value - row.low for row in rows],
            "color": palette.accent,
            "thickness": 2,
            "width": 0,
        },
        "marker": {
            "size": 10,
            "color": [palette.accent if _beats(row) else palette.ground for row in rows],
            "line": {"width": 2, "color": palette.accent},
        },
        "hovertext": [_hover(row) for row in rows],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    return {"data": [dots], "layout": _layout(rows, theme)}


def scores_height(rows: int) -> int:
    """The height of a figure of so many rows, in px."""
    return ROW_HEIGHT * max(rows, 1) + 34


def _beats(row: ScoreRow) -> bool:
    return row.controls is not None and row.low > row.controls[1]


def _hover(row: ScoreRow) -> str:
    others = f"<br>other units' labels: {row.controls[0]:.2f} to {row.controls[1]:.2f}" if row.controls else ""
    return f"<b>{row.value:.3f}</b> {plain(row.name)}<br>95 % between {row.low:.2f} and {row.high:.2f}{others}"


def _layout(rows: Sequence[ScoreRow], theme: Theme) -> Figure:
    palette = PALETTES[theme]
    bands = [
        {
            "type": "rect", "xref": "x", "yref": "y", "layer": "below", "line": {"width": 0}, "fillcolor": palette.band,
            "x0": row.controls[0], "x1": max(row.controls[1], row.controls[0] + 0.004),
            "y0": number - BAND_HALF, "y1": number + BAND_HALF,
        }
        for number, row in enumerate(rows)
        if row.controls
    ]  # fmt: skip
    names = {"tickvals": list(range(len(rows))), "ticktext": [plain(row.name, 16) for row in rows]}
    return base_layout(
        theme,
        margin={"l": 0, "r": 12, "t": 12, "b": 22},
        xaxis=axis(theme, range=[-0.02, 1.02], tickvals=[0, 0.5, 1], showgrid=True),
        yaxis=axis(
            theme, range=[len(rows) - 0.5, -0.6], showgrid=True, automargin=True, ticklabelstandoff=6,
            tickfont={"size": 13, "color": palette.text}, **names,
        ),
        dragmode=False,
        shapes=bands,
    )  # fmt: skip
