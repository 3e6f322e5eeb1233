"""Check figures: filled only where a method beats its control, controls drawn beside, what is not promised said so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from backend.evidence.finding import Finding, Measure, Verdict
from backend.methods.steps import PassCount
from components.figures.checks import dot_plot
from components.figures.curves import curves
from components.palette import PALETTES

RANDOM = (0.15, 0.18, 0.2, 0.21, 0.22, 0.19, 0.17, 0.25)


def _measure(name: str, value: float, better: Literal["more", "less"], verdict: Verdict) -> Measure:
    controls = {} if name == "missing logit" else {"smooth random": RANDOM, "edge detector": (0.24,), "pixel random": (0.1,)}
    return Measure(name, value, controls, better, "probability", verdict)


def _finding(insertion: float, verdict: Verdict, last: float) -> Finding:
    steps = np.linspace(0, last, 21, dtype=np.float32)
    orders = np.stack([steps * share for share in (0.5, 0.8)])
    measures = (_measure("insertion", insertion, "more", verdict), _measure("deletion", 0.2, "less", "within the control"))
    drawn = {"insertion": steps, "insertion/smooth random": orders, "insertion/edge detector": steps / 2}
    return Finding("insertion_deletion", measures, "20 steps", PassCount(40), 1.0, drawn)


def _completeness(value: float, verdict: Verdict) -> Finding:
    return Finding("completeness", (_measure("missing logit", value, "less", verdict),), "sum", PassCount(), 0.0)


FINDINGS: dict[str, Sequence[Finding]] = {
    "RISE": (_finding(0.39, "beats the control", 0.90), _completeness(0.0, "not promised")),
    "Integrated Gradients": (_finding(0.17, "within the control", 0.89), _completeness(0.01, "beats the control")),
    "Gradient": (_finding(0.10, "fails the control", 0.3),),
}


def test_a_dot_is_filled_only_where_it_beats_the_control() -> None:
    insertion = dot_plot(FINDINGS, "light")["data"][0]
    palette = PALETTES["light"]
    assert insertion["x"] == [0.39, 0.17, 0.10]
    assert insertion["marker"]["color"] == [palette.accent, palette.ground, palette.ground]
    assert insertion["text"] == ["0.39", "0.17", "0.10"]


def test_the_band_is_the_range_of_the_smooth_random_orders_and_the_line_the_edge_detector() -> None:
    shapes = dot_plot(FINDINGS, "light")["layout"]["shapes"]
    band, line = (shape for shape in shapes if shape["xref"] == "x")
    assert (band["x0"], band["x1"]) == (0.15, 0.25)
    assert line["x0"] == line["x1"]
    assert abs(line["x0"] - 0.24) < 1e-9
    assert line["line"]["dash"] == "dot"


def test_what_a_method_does_not_promise_gets_words_instead_of_a_dot() -> None:
    figure = dot_plot(FINDINGS, "dark")
    missing = figure["data"][2]
    assert missing["x"] == [1.0]
    assert missing["y"] == [1]
    words = [note for note in figure["layout"]["annotations"] if note["text"] == "not promised"]
    assert [note["y"] for note in words] == [0]


def test_hover_names_every_control() -> None:
    hover = dot_plot(FINDINGS, "light")["data"][0]["hovertext"][0]
    for words in ("0.390", "smooth random: 0.150 to 0.250", "edge detector: 0.240", "pixel random: 0.100", "beats the control"):
        assert words in hover


def test_no_findings_draw_an_empty_frame() -> None:
    figure = dot_plot({}, "light")
    assert all(trace["x"] == [] for trace in figure["data"])


def test_curves_differ_by_dash_and_colour_and_stand_over_the_band() -> None:
    traces = curves(FINDINGS, "insertion", "light")["data"]
    assert [trace.get("fill") for trace in traces[:2]] == [None, "tonexty"]
    lines = traces[3:]
    assert len({trace["line"]["dash"] for trace in lines}) == len({trace["line"]["color"] for trace in lines}) == 3


def test_names_of_curves_that_end_together_stand_apart_and_inside() -> None:
    figure = curves(FINDINGS, "insertion", "light", height=252)
    top = figure["layout"]["yaxis"]["range"][1]
    places = sorted(note["y"] for note in figure["layout"]["annotations"])
    pixels = np.diff(places) / top * (252 - 50)
    assert pixels.min() >= 16.9
    assert places[-1] <= top + 1e-9


def test_a_method_without_the_curve_is_left_out() -> None:
    assert curves(FINDINGS, "deletion", "light")["data"] == []
