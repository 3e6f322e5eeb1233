"""How units differ: every unit as a point of two statistics, those that match in the accent; a click names one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.figures.frame import Figure, axis, base_layout, plain, typed
from components.palette import PALETTES, Theme

MOST_POINTS = 50_000
_WIDE = 100.0  # an axis whose values span more is read by its logarithm
_SEED = 0


@dataclass(frozen=True)
class Statistic:
    """One number a unit: its name on the axis, float32 (units,), NaN where there is none."""

    title: str
    values: np.ndarray


@dataclass(frozen=True)
class UnitNames:
    """The layers in flat order: how each unit is called, as the text before its number, and how many units each has."""

    prefixes: Sequence[str]
    counts: Sequence[int]


def unit_scatter(
    across: Statistic, up: Statistic, names: UnitNames, hits: np.ndarray, theme: Theme, named: int | None = None
) -> Figure:
    """Points of all units, grey, and of the hits (flat places) in the accent; `clicked_place` reads a click.

    Beyond MOST_POINTS a fixed random part is drawn, hits always. named: the hit whose name stands beside it. An axis of
    positive values that span more than a hundredfold is logarithmic.
    """
    palette = PALETTES[theme]
    shown = drawn_places(across.values, up.values)
    starts = np.concatenate([[0], np.cumsum(names.counts)])
    grey = {"color": palette.muted, "size": 3.5, "opacity": 0.45}
    strong = {"color": palette.accent, "size": 9, "opacity": 1.0, "line": {"color": palette.ground, "width": 1}}
    traces = []  # one a layer, empty or not, first of all units and then of the hits: `clicked_place` counts on it
    for places, marker in ((shown, grey), (np.sort(hits), strong)):
        for prefix, start, end in zip(names.prefixes, starts, starts[1:], strict=False):
            part = places[(places >= start) & (places < end)]
            traces.append(_points(across, up, part, prefix, int(start), marker))
    layout = base_layout(
        theme,
        margin={"l": 44, "r": 8, "t": 6, "b": 44},
        xaxis=_axis(across, shown, theme),
        yaxis=_axis(up, shown, theme),
        hovermode="closest",
    )
    if named is not None:
        layout["annotations"] = [_name(across, up, names, starts, named, layout, theme)]
    return {"data": traces, "layout": layout}


def clicked_place(trace: int, customdata: object, names: UnitNames) -> int | None:
    """The flat place of the unit of a clicked point; None where the click is of no unit."""
    if not isinstance(customdata, int | float) or not 0 <= trace < 2 * len(names.counts):
        return None
    layer, index = trace % len(names.counts), int(customdata)
    return sum(names.counts[:layer]) + index if 0 <= index < names.counts[layer] else None


def drawn_places(across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """The flat places of the units drawn, in order: those that have both statistics, at most MOST_POINTS of them."""
    there = np.flatnonzero(np.isfinite(across) & np.isfinite(up))
    if len(there) > MOST_POINTS:
        there = np.sort(np.random.default_rng(_SEED).choice(there, MOST_POINTS, replace=False))
    return there


def logarithmic(values: np.ndarray) -> bool:
    """Whether an axis of these values is read by its logarithm: most are positive, none negative, and they span widely."""
    finite = values[np.isfinite(values)]
    if not len(finite) or finite.min() < 0:
        return False
    low = float(np.quantile(finite, 0.02))
    return bool(low > 0 and float(finite.max()) / low > _WIDE)


def _points(across: Statistic, up: Statistic, part: np.ndarray, prefix: str, start: int, marker: Figure) -> Figure:
    values = f"<br>{plain(across.title)} %{{x:.3g}}<br>{plain(up.title)} %{{y:.3g}}"
    return {
        "type": "scattergl",
        "mode": "markers",
        "x": typed(across.values[part].astype(np.float32)),
        "y": typed(up.values[part].astype(np.float32)),
        "customdata": typed((part - start).astype(np.int32)),
        "marker": marker,
        "hovertemplate": f"<b>{plain(prefix)}%{{customdata}}</b>{values}<extra></extra>",
    }


def _axis(statistic: Statistic, shown: np.ndarray, theme: Theme) -> Figure:
    palette = PALETTES[theme]
    kind = {"type": "log", "dtick": 1} if logarithmic(statistic.values[shown]) else {"type": "linear", "nticks": 6}
    title = {"text": plain(statistic.title), "font": {"size": 12, "color": palette.muted}, "standoff": 6}
    return axis(theme, fixedrange=False, title=title, **kind)


def _name(
    across: Statistic, up: Statistic, names: UnitNames, starts: np.ndarray, place: int, layout: Figure, theme: Theme
) -> Figure:
    number = int(np.searchsorted(starts, place, side="right")) - 1
    x, y = float(across.values[place]), float(up.values[place])
    return {
        "x": float(np.log10(x)) if layout["xaxis"]["type"] == "log" and x > 0 else x,
        "y": float(np.log10(y)) if layout["yaxis"]["type"] == "log" and y > 0 else y,
        "text": f"{plain(names.prefixes[number])}{place - int(starts[number])}",
        "showarrow": False,
        "xanchor": "left",
        "xshift": 8,
        "font": {"size": 13, "color": PALETTES[theme].text},
        "bgcolor": PALETTES[theme].ground,
        "opacity": 0.85,
    }
