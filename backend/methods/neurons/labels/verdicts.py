"""Numbers of a label test beside their controls, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from backend.evidence.finding import Verdict
from backend.methods.neurons.labels.scores import DRAWS, LEVEL, Estimate, Scores
from backend.methods.neurons.test_label import RANDOM_UNITS, SHUFFLED, LabelMeasure

Controls = Mapping[str, tuple[float, ...]]


def verdict(estimate: Estimate, controls: Controls) -> Verdict | None:
    """Beats the control: the whole interval lies above every control; fails: the number lies below all of them."""
    others = [value for values in controls.values() for value in values]
    if not others:
        return None
    if estimate.low > max(others):
        return "beats the control"
    return "fails the control" if estimate.value < min(others) else "within the control"


def score_measures(own: Scores, shuffled: Sequence[Scores]) -> tuple[LabelMeasure, ...]:
    """F1, precision and recall."""
    found = []
    for name, field in (("F1", "f1"), ("precision", "precision"), ("recall", "recall")):
        controls = {SHUFFLED: tuple(getattr(other, field).value for other in shuffled)} if shuffled else {}
        found.append(measure(name, getattr(own, field), controls, "share"))
    return tuple(found)


def effect_measure(
    name: str, unit: str, own: np.ndarray, shuffled: Sequence[np.ndarray], random: Sequence[np.ndarray], seed: int
) -> LabelMeasure:
    """The mean effect over pairs, (pairs,), beside those of other labels and of other units."""
    controls = {SHUFFLED: _means(shuffled), RANDOM_UNITS: _means(random)}
    return measure(name, mean(own, seed), {key: values for key, values in controls.items() if values}, unit)


def measure(name: str, estimate: Estimate, controls: Controls, unit: str) -> LabelMeasure:
    """One line of the test."""
    return LabelMeasure(name, estimate.value, estimate.low, estimate.high, controls, unit, verdict(estimate, controls))


def mean(values: np.ndarray, seed: int) -> Estimate:
    """The mean with its percentile bootstrap interval (Efron 1979)."""
    drawn = np.random.default_rng(seed).integers(0, len(values), (DRAWS, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(values.mean()), float(low), float(high))


def _means(effects: Sequence[np.ndarray]) -> tuple[float, ...]:
    return tuple(float(values.mean()) for values in effects if len(values))
