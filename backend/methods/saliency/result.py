"""The result of a saliency method: a signed map with its unit, its cost and what is known of its error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from backend.methods.question import Target
from backend.methods.steps import PassCount

Unit = Literal["logit", "logit per unit of input", "probability", "weighted activation"]


@dataclass(frozen=True)
class Saliency:
    """A map of what speaks for (positive) and against (negative) the target.

    attribution: float32 (C, H, W) in the model's input frame; C is 1 where a method does not tell channels apart.
    cells: float32 (h, w), the heatmap at the method's own resolution (7 × 7 for Grad-CAM of a 7 × 7 layer).
    logit: the explained quantity on the sample, a logit or a difference of two.
    facts: scalars a reader needs to judge the map, e.g. residual, standard_error, points.
    layers: float32 maps by layer name, for methods that read every layer at once.
    standard_error: float32 (h', w') where the method estimates it, on a regular grid over the frame.
    additive: whether a cell is the sum of its pixels (shares of a logit) or their mean (effects of a window or a mask).
    note: one short line of exactness, "64 points, sums to the logit within 1 %".
    blank: why nothing is drawn, where the map is zero everywhere; None otherwise.
    """

    attribution: np.ndarray
    cells: np.ndarray
    target: Target
    logit: float
    unit: Unit
    passes: PassCount
    seconds: float
    additive: bool = True
    note: str = ""
    facts: Mapping[str, float] = field(default_factory=dict)
    layers: Mapping[str, np.ndarray] = field(default_factory=dict)
    standard_error: np.ndarray | None = None
    blank: str | None = None

    @cached_property
    def heatmap(self) -> np.ndarray:
        """Channel sum of the attribution, float32 (H, W)."""
        return self.attribution.sum(axis=0)
