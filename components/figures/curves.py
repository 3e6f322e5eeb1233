"""Insertion and deletion curves: one line a method, told apart by colour, dash and name, over the random orders' band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from backend.evidence.finding import Finding
from backend.evidence.token_orders import LATEST, RANDOM
from components.figures.checks import BAND, LINE
from components.figures.frame import Figure, axis, base_layout, plain, typed
from components.palette import DASHES, PALETTES, Theme, method_colour

CURVES_HEIGHT = 252
Protocol = Literal["insertion", "deletion"]
_NAME_PIXELS = 17
_MARGIN = {"l": 40, "r": 132, "t": 10, "b": 40}


@dataclass(frozen=True)
class Controls:
    """Whose range is the band and whose curve the thin line, by name; and what goes along the axis in each protocol."""

    band: str = BAND
    line: str = LINE
    words: Mapping[str, str] = field(default_factory=lambda: {"insertion": "% of pixels shown", "deletion": "% of pixels erased"})


PIXELS = Controls()
TOKENS = Controls(RANDOM, LATEST, {"insertion": "% of tokens kept", "deletion": "% of tokens taken away"})


def curves(
    findings: Mapping[str, Sequence[Finding]],
    which: Protocol,
    theme: Theme,
    height: int = CURVES_HEIGHT,
    controls: Controls = PIXELS,
) -> Figure:
    """The curves named `which` of the findings of each method (title → findings); methods without one are left out.

    The band is the range of the random orders of the first method that has them, the thin line the control beside them.
    `height` in px decides how far apart names at the right end must stand.
    """
    drawn = {title: found.curves for title, items in findings.items() for found in items if which in found.curves}
    traces = [_line(title, own[which], number, theme) for number, (title, own) in enumerate(drawn.items())]
    beside = next(iter(drawn.values()), {})
    if f"{which}/{controls.line}" in beside:
        traces.insert(0, _thin(controls.line, beside[f"{which}/{controls.line}"], theme))
    if f"{which}/{controls.band}" in beside:
        traces[:0] = _band(beside[f"{which}/{controls.band}"], theme)
    lines = {title: own[which] for title, own in drawn.items()}
    span = _span(lines)
    layout = _layout(controls.words[which], span, theme)
    layout["annotations"] = _names(lines, span, theme, height)
    return {"data": traces, "layout": layout}


def _percent(steps: int) -> np.ndarray:
    return np.linspace(0, 100, steps, dtype=np.float32)


def _line(title: str, values: np.ndarray, number: int, theme: Theme) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": typed(_percent(len(values))),
        "y": typed(values.astype(np.float32)),
        "line": {"color": method_colour(theme, number), "width": 2.2, "dash": DASHES[number % len(DASHES)]},
        "hovertemplate": f"<b>%{{y:.3f}}</b> {plain(title)}, %{{x:.0f}} %<extra></extra>",
    }


def _band(orders: np.ndarray, theme: Theme) -> list[Figure]:
    """The range of random orders, (orders, steps), as two edges with the ground between them filled."""
    shared = {
        "type": "scatter",
        "mode": "lines",
        "x": typed(_percent(orders.shape[1])),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }
    low, high = (typed(bound.astype(np.float32)) for bound in (orders.min(axis=0), orders.max(axis=0)))
    return [shared | {"y": low}, shared | {"y": high, "fill": "tonexty", "fillcolor": PALETTES[theme].band}]


def _thin(name: str, values: np.ndarray, theme: Theme) -> Figure:
    trace = _line(name, values, 0, theme)
    return trace | {"line": {"color": PALETTES[theme].muted, "width": 1.3, "dash": "dot"}}


def _span(lines: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """The axis' ends: from zero, or from below the lowest value where there are negative ones."""
    known = [values[np.isfinite(values)] for values in lines.values()]
    low = min([float(values.min()) for values in known if values.size] + [0.0])
    high = max([float(values.max()) for values in known if values.size] + [1e-6])
    return 1.05 * low, 1.05 * high if low == 0 else high - 0.05 * low


def _names(lines: Mapping[str, np.ndarray], span: tuple[float, float], theme: Theme, height: int) -> list[Figure]:
    """Names at the right ends in the colours of their lines, a line of text apart and inside the axis."""
    apart = _NAME_PIXELS / (height - _MARGIN["t"] - _MARGIN["b"]) * (span[1] - span[0])
    ends = sorted((_last(values), number, title) for number, (title, values) in enumerate(lines.items()))
    places: list[float] = []
    for end, _, _ in ends:
        places.append(max(end, places[-1] + apart) if places else end)
    over = max(0.0, places[-1] - span[1]) if places else 0.0
    return [_name(title, place - over, number, theme) for place, (_, number, title) in zip(places, ends, strict=True)]


def _last(values: np.ndarray) -> float:
    """Where a line ends so far: points not measured yet are NaN."""
    known = values[np.isfinite(values)]
    return float(known[-1]) if known.size else 0.0


def _name(title: str, y: float, number: int, theme: Theme) -> Figure:
    font = {"size": 13, "color": method_colour(theme, number)}
    place = {"xref": "paper", "x": 1, "xanchor": "left", "xshift": 6, "y": y, "yanchor": "middle", "showarrow": False}
    return place | {"text": plain(title, 20), "font": font}


def _layout(words: str, span: tuple[float, float], theme: Theme) -> Figure:
    title = {"text": words, "font": {"size": 13, "color": PALETTES[theme].muted}, "standoff": 6}
    return base_layout(
        theme,
        margin=_MARGIN,
        xaxis=axis(theme, range=[0, 100], showgrid=False, tickvals=[0, 25, 50, 75, 100], title=title),
        yaxis=axis(theme, range=list(span), nticks=5),
        dragmode=False,
    )
