"""A finding: what a check measured, beside its controls and in the words of its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from backend.methods.steps import PassCount

Verdict = Literal["beats the control", "within the control", "fails the control", "not promised"]


@dataclass(frozen=True)
class Measure:
    """One number of a finding: its value, the controls' values by name, and which way is better."""

    name: str
    value: float
    controls: Mapping[str, tuple[float, ...]]
    better: Literal["more", "less"]
    unit: str
    verdict: Verdict


@dataclass(frozen=True)
class Finding:
    """What a check found of one run.

    measures: the numbers, first the one a badge shows.
    protocol: how they were obtained, in words a reader can repeat.
    curves: float32 arrays by name for drawing, e.g. "insertion" (steps,) or "insertion/random" (orders, steps).
    """

    name: str
    measures: tuple[Measure, ...]
    protocol: str
    passes: PassCount
    seconds: float
    curves: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The first measure's value."""
        return self.measures[0].value

    @property
    def controls(self) -> Mapping[str, tuple[float, ...]]:
        """The first measure's controls."""
        return self.measures[0].controls
