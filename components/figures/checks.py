"""How far maps can be trusted: measures of several methods beside their controls, as a dot plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backend.evidence.finding import Finding, Measure
from components.figures.frame import Figure, axis, base_layout, plain
from components.palette import PALETTES, Theme

DOTS_HEIGHT = 276
BAND = "smooth random"
LINE = "edge detector"
GAP = 0.09


@dataclass(frozen=True)
class Column:
    """One measure of the dot plot: its name in the findings, the heading above it, and what better means in words.

    scale: what values are multiplied by to be shown (100 for per cent).
    fails_above: a fixed limit drawn as the band where the measure has no random control.
    """

    measure: str
    title: str
    better: str
    scale: float = 1.0
    digits: int = 2
    fails_above: float | None = None


COLUMNS = (
    Column("insertion", "Insertion", "more is better"),
    Column("deletion", "Deletion", "less is better"),
    Column("missing logit", "Missing logit", "less is better, %", scale=100.0, digits=1, fails_above=2.0),
)


def dot_plot(findings: Mapping[str, Sequence[Finding]], theme: Theme, columns: Sequence[Column] = COLUMNS) -> Figure:
    """Methods (title → findings) as rows, measures as columns: filled beats the control, hollow does not.

    Grey bands: the range of the smooth random orders of all rows; dotted: the mean of the edge detector.
    """
    rows = [_measures(found) for found in findings.values()]
    names = [plain(title, 24) for title in findings]
    figure: Figure = {"data": [], "layout": _layout(names, columns, theme)}
    for index, column in enumerate(columns):
        measures = [row.get(column.measure) for row in rows]
        figure["data"].append(_dots(index, column, measures, names, theme))
        figure["layout"] |= _axis(index, len(columns), column, measures, theme)
        figure["layout"]["shapes"] += _controls(index, column, measures, theme)
        figure["layout"]["annotations"] += _words(index, len(columns), column, measures, theme)
    return figure


def _measures(findings: Sequence[Finding]) -> dict[str, Measure]:
    # A check under way has measures without a value yet.
    known = [m for finding in findings for m in finding.measures if np.isfinite(m.value) or m.verdict == "not promised"]
    return {measure.name: measure for measure in known}


def _promised(measure: Measure | None) -> bool:
    return measure is not None and measure.verdict != "not promised"


def _dots(index: int, column: Column, measures: list[Measure | None], names: list[str], theme: Theme) -> Figure:
    palette = PALETTES[theme]
    shown = [(row, measure) for row, measure in enumerate(measures) if measure and _promised(measure)]
    values = [measure.value * column.scale for _, measure in shown]
    beats = [measure.verdict == "beats the control" for _, measure in shown]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "xaxis": _reference("x", index),
        "yaxis": "y",
        "x": values,
        "y": [row for row, _ in shown],
        "text": [f"{value:.{column.digits}f}" for value in values],
        "textposition": "top center",
        "textfont": {"size": 12, "color": palette.text},
        "cliponaxis": False,
        "marker": {
            "size": 11,
            "color": [palette.accent if won else palette.ground for won in beats],
            "line": {"width": 2, "color": palette.accent},
        },
        "hovertext": [_hover(names[row], column, measure) for row, measure in shown],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _hover(name: str, column: Column, measure: Measure) -> str:
    lines = [f"<b>{measure.value * column.scale:.3f}</b> {column.title.lower()}, {name}"]
    for control, values in measure.controls.items():
        low, high = min(values) * column.scale, max(values) * column.scale
        lines.append(f"{plain(control)}: {low:.3f}" + (f" to {high:.3f}" if len(values) > 1 else ""))
    return "<br>".join([*lines, measure.verdict])


def _controls(index: int, column: Column, measures: list[Measure | None], theme: Theme) -> list[Figure]:
    palette = PALETTES[theme]
    shared = {"xref": _reference("x", index), "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    shapes: list[Figure] = []
    band = _band(column, measures)
    if band is not None:
        shapes.append({"type": "rect", **shared, "x0": band[0], "x1": band[1], "fillcolor": palette.band, "line": {"width": 0}})
    edges = [value * column.scale for value in _values(measures, LINE)]
    if edges:
        line = {"color": palette.text, "width": 1.5, "dash": "dot"}
        shapes.append({"type": "line", **shared, "x0": float(np.mean(edges)), "x1": float(np.mean(edges)), "line": line})
    return shapes


def _band(column: Column, measures: list[Measure | None]) -> tuple[float, float] | None:
    if column.fails_above is not None:
        return column.fails_above, _end(column, measures)
    randoms = [value * column.scale for value in _values(measures, BAND)]
    return (min(randoms), max(randoms)) if randoms else None


def _values(measures: list[Measure | None], control: str) -> list[float]:
    return [value for measure in measures if measure is not None for value in measure.controls.get(control, ())]


def _end(column: Column, measures: list[Measure | None]) -> float:
    values = [measure.value for measure in measures if measure is not None and _promised(measure)]
    values += _values(measures, BAND) + _values(measures, LINE)
    return max([value * column.scale for value in values] + [2.5 * (column.fails_above or 0)]) * 1.15 or 1.0


def _axis(index: int, count: int, column: Column, measures: list[Measure | None], theme: Theme) -> Figure:
    left, right = _domain(index, count)
    low = min([measure.value * column.scale for measure in measures if measure is not None and _promised(measure)] + [0.0])
    return {
        _reference("xaxis", index): axis(
            theme, domain=[left, right], range=[low, _end(column, measures)], showgrid=False, nticks=4, anchor="y"
        )
    }


def _words(index: int, count: int, column: Column, measures: list[Measure | None], theme: Theme) -> list[Figure]:
    left, _ = _domain(index, count)
    heading = {
        "xref": "paper",
        "yref": "paper",
        "x": left,
        "y": 1,
        "yshift": 4,
        "xanchor": "left",
        "yanchor": "bottom",
        "align": "left",
        "showarrow": False,
        "text": f"<b>{column.title}</b><br>{column.better}",
    }
    missing = [row for row, measure in enumerate(measures) if measure is not None and not _promised(measure)]
    place = {"xref": f"{_reference('x', index)} domain", "yref": "y", "x": 0.5, "showarrow": False}
    font = {"size": 12, "color": PALETTES[theme].muted}
    return [heading, *({**place, "y": row, "text": "not promised", "font": font} for row in missing)]


def _layout(names: list[str], columns: Sequence[Column], theme: Theme) -> Figure:
    rows = {"tickvals": list(range(len(names))), "ticktext": names, "tickfont": {"size": 13, "color": PALETTES[theme].text}}
    return base_layout(
        theme,
        margin={"l": 132, "r": 8, "t": 44, "b": 24},
        yaxis=axis(theme, range=[len(names) - 0.4, -0.6], ticklabelstandoff=6, **rows),
        dragmode=False,
        shapes=[],
        annotations=[],
    )


def _domain(index: int, count: int) -> tuple[float, float]:
    width = (1 - GAP * (count - 1)) / count
    return index * (width + GAP), index * (width + GAP) + width


def _reference(name: str, index: int) -> str:
    return name if index == 0 else f"{name}{index + 1}"
