"""Insertion and deletion: does showing a map's first pixels bring the target back, does erasing them take it away?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.data.baselines import GREY
from backend.evidence.checked import checked_map, must_rank
from backend.evidence.curves import (
    EDGES,
    PIXELS,
    PROTOCOLS,
    SMOOTH,
    Better,
    Controls,
    OrderCurves,
    area,
    control_curves,
    counts,
    one_order,
    rows_of_order,
    verdict,
)
from backend.evidence.finding import Finding, Measure
from backend.evidence.orders import GRID, SMOOTHING, ranks, smoothed
from backend.methods.params import Range
from backend.methods.question import ClassLogit, Contrast, Question, Runs
from backend.methods.registry import Teaching, method
from backend.methods.steps import Partial, PassCount, Result, Step
from backend.models.card import FORWARD

if TYPE_CHECKING:
    from backend.engine.asking import Asking
    from backend.engine.sweeps import Reading

ENDS = 3  # photos every curve shares: blurred, whole, grey
UNIT = "probability"
BETTER: dict[str, Better] = {"insertion": "more", "deletion": "less"}


@dataclass(frozen=True)
class InsertionDeletion:
    """How finely the orders are walked, and how many random ones a map must beat."""

    steps: Annotated[int, Range(5, 56), "Equal steps from no pixel to all; more draw a finer curve."] = 10
    orders: Annotated[int, Range(4, 32), "Smooth random orders that a map must beat, every one."] = 8


def passes_needed(params: InsertionDeletion) -> PassCount:
    """Rows forward where no other map of this photo has paid for the control orders yet."""
    return PassCount(ENDS + rows_of_order(params.steps) * (params.orders + 3))


@method(
    "insertion_deletion",
    title="Insertion and deletion",
    page="shared",
    params=InsertionDeletion,
    inputs=Runs,
    targets=(ClassLogit, Contrast),
    needs=frozenset({FORWARD}),
    returns=Finding,
    teaching=Teaching(
        "Shows the map's highest pixels first on a blurred photo, then erases them first from the whole photo, and follows the "
        "target's probability.",
        "It cannot tell whether the map is right, only whether its order beats random ones; half-erased photos are unlike any "
        "the model has seen, and another blur or fill gives other numbers.",
        "Petsiuk, Das and Saenko 2018, RISE, with smooth random orders and an edge detector as controls.",
    ),
    cost=lambda params, card: passes_needed(params),
    is_check=True,
)
def insertion_deletion(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield the map's curves as they are walked, then the controls'. A measure without controls is not decided yet.

    Points of a curve not reached yet are NaN. Raises ParameterError where the map is blank.
    """
    from backend.evidence.sweeps.order_curves import Walk

    params: InsertionDeletion = question.params
    saliency = yield from checked_map(question, asking)
    must_rank(saliency)
    rows = rows_of_order(params.steps)
    readings = asking.sweep("order_curves", OrderCurves(params.steps, params.orders))
    reading = next(readings)  # the ends at least, and the controls where another map has paid for them
    places = ranks(smoothed(saliency.cells, *asking.frame.shape[:2]), question.seed)
    seconds, before = 0.0, time.perf_counter()
    for logits in Walk(asking, params.steps).along(places[None]):
        seconds += time.perf_counter() - before
        finding = _finding(asking, params, logits, reading, seconds)
        yield Partial(finding, len(logits) + reading.sweep.done, rows + reading.sweep.total)
        before = time.perf_counter()
    while reading.sweep.done < reading.sweep.total:
        reading = next(readings)
        finding = _finding(asking, params, logits, reading, seconds)
        yield Partial(finding, rows + reading.sweep.done, rows + reading.sweep.total)
    yield Result(_finding(asking, params, logits, reading, seconds))


def _finding(asking: Asking, params: InsertionDeletion, logits: np.ndarray, reading: Reading, seconds: float) -> Finding:
    """What is known once the map's order has `logits` (done, classes) and the controls stand as read."""
    height, width = asking.frame.shape[:2]
    share = counts(params.steps, height * width) / (height * width)
    own = one_order(logits, reading.sweep.ends, asking.target, params.steps)
    controls = control_curves(reading.sweep, asking.target)
    walked = len(logits) == rows_of_order(params.steps)
    return Finding(
        name="insertion_deletion",
        measures=tuple(_measure(name, own[name], controls, share, params.orders) for name in PROTOCOLS if walked),
        protocol=_protocol(asking, params, reading.sweep.total),
        passes=asking.spent + reading.passes,
        seconds=seconds + reading.seconds,
        curves={**_drawn(own, controls), "share": share.astype(np.float32)},
    )


def _measure(name: str, own: np.ndarray, controls: Controls, share: np.ndarray, orders: int) -> Measure:
    """Area under one curve; without controls and undecided until every random order is known."""
    value, better = area(own, share), BETTER[name]
    randoms = tuple(area(curve, share) for curve in controls.smooth[name])
    if len(randoms) < orders:
        return Measure(name, value, {}, better, UNIT, "within the control")
    edges, pixels = area(controls.edges[name], share), area(controls.pixels[name], share)
    known = {SMOOTH: randoms, EDGES: (edges,), PIXELS: (pixels,)}
    return Measure(name, value, known, better, UNIT, verdict(value, randoms, better))


def _drawn(own: dict[str, np.ndarray], controls: Controls) -> dict[str, np.ndarray]:
    curves = {}
    for name in PROTOCOLS:
        curves[name] = own[name]
        if len(controls.smooth[name]):
            curves[f"{name}/{SMOOTH}"] = controls.smooth[name]
        if name in controls.edges:
            curves[f"{name}/{EDGES}"] = controls.edges[name]
        if name in controls.pixels:
            curves[f"{name}/{PIXELS}"] = controls.pixels[name]
    return curves


def _protocol(asking: Asking, params: InsertionDeletion, shared: int) -> str:
    score = "probability of the target" + (" minus that of the other class" if isinstance(asking.target, Contrast) else "")
    return (
        f"Pixels ranked by signed value, highest first, after smoothing ({SMOOTHING}; the controls alike); ties fall at random. "
        f"{params.steps} equal steps. Insertion shows them on the photo blurred with σ 10 px at 224; deletion turns them grey "
        f"({GREY} of 255). Score: softmax {score}; value: area under the curve over the share of pixels, by trapezoids. "
        f"Controls: {params.orders} smooth random orders ({GRID} × {GRID} normal draws), an edge detector (Sobel), and a "
        f"pixel-random order, which is printed only. A map beats the control where it is better than every smooth random order, "
        f"and fails where it is worse than every one. Seed {asking.question.seed}. Passes: {rows_of_order(params.steps)} for "
        f"this map and {shared} for the ends and controls, which all maps of this photo share."
    )
