"""Insertion and deletion curves: how far a target's probability follows the pixels shown or taken away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from backend.evidence.finding import Verdict
from backend.methods.question import Target
from backend.methods.saliency.rise import probabilities

Better = Literal["more", "less"]
PROTOCOLS = ("insertion", "deletion")
EDGES, PIXELS, SMOOTH = "edge detector", "pixel random", "smooth random"


@dataclass(frozen=True)
class OrderCurves:
    """The control orders walked in `steps` equal steps; the logits of every class are kept."""

    steps: int
    orders: int


@dataclass(frozen=True)
class OrderCurvesSweep:
    """ends: (3, classes), logits of the blurred, the whole and the grey photo.

    logits: (done − 3, classes), orders one after another (edge detector, pixel random, smooth random ones), each laid
    out as `one_order` reads it.
    """

    ends: np.ndarray
    logits: np.ndarray
    steps: int
    done: int
    total: int

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.ends.nbytes + self.logits.nbytes


@dataclass(frozen=True)
class Controls:
    """Curves of the control orders by protocol, float32: edges, pixels (steps + 1,) once known; smooth (orders, steps + 1)."""

    edges: Mapping[str, np.ndarray]
    pixels: Mapping[str, np.ndarray]
    smooth: Mapping[str, np.ndarray]


def rows_of_order(steps: int) -> int:
    """Passes one order takes: its inner steps, by insertion and by deletion."""
    return 2 * (steps - 1)


def counts(steps: int, pixels: int) -> np.ndarray:
    """Pixels moved after each step, int (steps + 1,), from none to all."""
    return np.rint(np.linspace(0, pixels, steps + 1)).astype(np.int64)


def one_order(logits: np.ndarray, ends: np.ndarray, target: Target, steps: int) -> dict[str, np.ndarray]:
    """Both curves of one order, float32 (steps + 1,), NaN where not reached yet.

    logits: (at most 2 · (steps − 1), classes), insertion and deletion of step 1, of step 2, and so on.
    """
    inner = np.full(rows_of_order(steps), np.nan, dtype=np.float32)
    inner[: len(logits)] = probabilities(logits, target)
    blurred, whole, grey = probabilities(ends, target)
    return {
        "insertion": np.concatenate([[blurred], inner[0::2], [whole]]).astype(np.float32),
        "deletion": np.concatenate([[whole], inner[1::2], [grey]]).astype(np.float32),
    }


def control_curves(sweep: OrderCurvesSweep, target: Target) -> Controls:
    """The curves of the control orders that are complete so far."""
    rows = rows_of_order(sweep.steps)
    complete = [
        one_order(sweep.logits[start : start + rows], sweep.ends, target, sweep.steps)
        for start in range(0, len(sweep.logits) - rows + 1, rows)
    ]
    return Controls(
        edges=complete[0] if complete else {},
        pixels=complete[1] if len(complete) > 1 else {},
        smooth={
            name: np.array([order[name] for order in complete[2:]], np.float32).reshape(-1, sweep.steps + 1) for name in PROTOCOLS
        },
    )


def area(curve: np.ndarray, share: np.ndarray) -> float:
    """Area under a curve over the share of pixels, both (steps + 1,), by trapezoids."""
    return float(np.trapezoid(curve.astype(np.float64), share))


def verdict(value: float, randoms: tuple[float, ...], better: Better) -> Verdict:
    """Better than every random order, worse than every one, or within them."""
    sign = 1 if better == "more" else -1
    if all(sign * value > sign * random for random in randoms):
        return "beats the control"
    return "fails the control" if all(sign * value < sign * random for random in randoms) else "within the control"
