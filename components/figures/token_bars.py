"""Signed bars with a name each: the tokens a neuron writes and erases, the classes a channel pushes."""

from __future__ import annotations

from collections.abc import Sequence

from components.figures.frame import Figure, axis, base_layout, plain
from components.palette import PALETTES, Theme

ROW_HEIGHT = 27
_SPACE = 0.34  # of the longest bar, on the side of each sign that is there, for the number behind its end


def signed_bars(
    names: Sequence[str], values: Sequence[float], theme: Theme, unit: str, identities: Sequence[int] | None = None
) -> Figure:
    """Bars from the top down, orange to the right for what is raised, blue to the left for what is lowered.

    names: as they are to be read (tokens by `components.token_text.visible`); tags in them stay text.
    identities: what a click carries as `customdata`. Raises ValueError where the sequences differ in length.
    """
    palette = PALETTES[theme]
    rows = list(zip(names, map(float, values), identities or range(len(names)), strict=True))
    numbers = [_signed(value) for _, value, _ in rows]
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(rows))),
        "x": [value for _, value, _ in rows],
        "customdata": [identity for _, _, identity in rows],
        "text": numbers,
        "textposition": "outside",
        "textfont": {"size": 12, "color": palette.text},
        "cliponaxis": False,
        "hovertext": [f"<b>{number}</b> {unit}<br>{plain(name)}" for (name, _, _), number in zip(rows, numbers, strict=True)],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"color": [palette.towards[1] if value >= 0 else palette.against[1] for _, value, _ in rows]},
        "width": 0.72,
    }
    return {"data": [trace], "layout": _layout([plain(name, 18) for name, _, _ in rows], [value for _, value, _ in rows], theme)}


def bars_height(rows: int) -> int:
    """The height of a figure of so many bars, in px."""
    return ROW_HEIGHT * max(rows, 1) + 8


def _layout(names: list[str], values: list[float], theme: Theme) -> Figure:
    palette = PALETTES[theme]
    low, high = min([0.0, *values]), max([0.0, *values])
    longest = max(high, -low) or 1.0
    span = [low - (_SPACE * longest if low < 0 else 0.02 * longest), high + (_SPACE * longest if high > 0 else 0.02 * longest)]
    ticks = {"tickvals": list(range(len(names))), "ticktext": names, "tickfont": {"size": 13, "color": palette.text}}
    return base_layout(
        theme,
        margin={"l": 0, "r": 0, "t": 2, "b": 2},
        xaxis=axis(theme, range=span, showgrid=False, showticklabels=False, zeroline=True, zerolinecolor=palette.muted),
        yaxis=axis(theme, range=[len(names) - 0.5, -0.5], showgrid=False, automargin=True, ticklabelstandoff=6, **ticks),
        dragmode=False,
    )


def _signed(value: float) -> str:
    if abs(value) < 0.0005:
        return "0"
    digits = 2 if abs(value) >= 0.1 else 3
    return f"{value:+.{digits}f}".replace("-", "−")
