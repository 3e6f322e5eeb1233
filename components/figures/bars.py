"""What the model says: its classes as bars, the explained one in the accent."""

from __future__ import annotations

from collections.abc import Sequence

from components.figures.frame import Figure, axis, base_layout, plain
from components.palette import PALETTES, Theme

BARS_HEIGHT = 180


def prediction_bars(
    labels: Sequence[str],
    probabilities: Sequence[float],
    logits: Sequence[float],
    target: int,
    theme: Theme,
    classes: Sequence[int] | None = None,
) -> Figure:
    """Bars from the top down, bar number `target` in the accent; a click carries its class index as `customdata`.

    Raises ValueError where the sequences differ in length.
    """
    palette = PALETTES[theme]
    indices = list(range(len(labels))) if classes is None else list(classes)
    rows = list(zip(labels, probabilities, logits, indices, strict=True))
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(rows))),
        "x": [float(probability) for _, probability, _, _ in rows],
        "customdata": indices,
        "text": [f"{probability:.2f}  logit {logit:.1f}" for _, probability, logit, _ in rows],
        "hovertext": [_hover(label, probability, logit) for label, probability, logit, _ in rows],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "textposition": "outside",
        "textfont": {"size": 13, "color": palette.text},
        "cliponaxis": False,
        "marker": {"color": [palette.accent if row == target else palette.band for row in range(len(rows))]},
        "width": 0.6,
    }
    return {"data": [trace], "layout": _layout([plain(label, 20) for label in labels], max(probabilities, default=1.0), theme)}


def _layout(labels: list[str], most: float, theme: Theme) -> Figure:
    names = {"tickvals": list(range(len(labels))), "ticktext": labels, "tickfont": {"size": 13, "color": PALETTES[theme].text}}
    return base_layout(
        theme,
        # The numbers stand outside of the longest bar, and take the same room however narrow the figure is.
        margin={"l": 0, "r": 104, "t": 0, "b": 0},
        xaxis=axis(theme, range=[0, max(most, 1e-6)], visible=False),
        yaxis=axis(theme, range=[len(labels) - 0.5, -0.5], showgrid=False, automargin=True, ticklabelstandoff=6, **names),
        dragmode=False,
    )


def _hover(label: str, probability: float, logit: float) -> str:
    return f"<b>{plain(label)}</b> probability {probability:.4f}, logit {logit:.3f}"
