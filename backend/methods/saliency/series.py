"""The parameters and snapshots of the four series of passes that saliency methods read; torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from backend.data.baselines import Baseline

Precision = Literal["fast", "exact"]
PathRule = Literal["adaptive", "gauss-legendre", "midpoint"]


@dataclass(frozen=True)
class HookedGradient:
    """One forward and one backward, activations and gradients of all layers kept."""


@dataclass(frozen=True)
class HookedGradientSweep:
    """gradient: float32 (C, H, W) of the score to the input; activations, gradients: by layer, (channels, h, w)."""

    score: float
    gradient: np.ndarray
    activations: Mapping[str, np.ndarray]
    gradients: Mapping[str, np.ndarray]
    done: int = 1
    total: int = 1

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        layers = [*self.activations.values(), *self.gradients.values()]
        return self.gradient.nbytes + sum(layer.nbytes for layer in layers)


@dataclass(frozen=True)
class AlphaPath:
    """Gradients along the straight line from a baseline to the sample."""

    rule: PathRule
    steps: int
    baseline: Baseline


@dataclass(frozen=True)
class AlphaPathSweep:
    """The path's mean gradient after `done` points.

    mean_gradient, difference: (C, H, W) in the model's dtype; their product is the attribution.
    residual: net completeness error, Σ attribution − (score − baseline_score).
    absolute_residual: Σ over segments of the error's absolute value; None for the fixed rules.
    total: the points still planned at most; those visited once the rule is satisfied.
    change: relative L1 change of the attribution in the last refinement.
    positions: float64 (done,), where on the way from baseline (0) to sample (1) the points are, in the order visited.
    """

    mean_gradient: np.ndarray
    difference: np.ndarray
    score: float
    baseline_score: float
    residual: float
    absolute_residual: float | None
    change: float
    done: int
    total: int
    held: int
    positions: np.ndarray

    @property
    def nbytes(self) -> int:
        """Bytes held, the points' gradients included while they are needed."""
        return self.mean_gradient.nbytes + self.difference.nbytes + (self.held if self.done < self.total else 0)


@dataclass(frozen=True)
class Noise:
    """Gradients at noisy copies of the sample."""

    samples: int
    level: float


@dataclass(frozen=True)
class NoiseSweep:
    """Mean and mean square of the gradients, (C, H, W), over `done` noisy copies."""

    mean: np.ndarray
    mean_square: np.ndarray
    score: float
    done: int
    total: int

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.mean.nbytes + self.mean_square.nbytes


@dataclass(frozen=True)
class RandomMasks:
    """Smooth random masks of RISE; the logits of every class are kept."""

    masks: int
    cells: int
    precision: Precision


@dataclass(frozen=True)
class RandomMasksSweep:
    """grids: (done, cells, cells) of 0 and 1; shifts: (done, 2), rows then columns; logits: (done, classes)."""

    grids: np.ndarray
    shifts: np.ndarray
    logits: np.ndarray
    full_logits: np.ndarray
    dtype: str
    done: int
    total: int

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.grids.nbytes + self.shifts.nbytes + self.logits.nbytes


@dataclass(frozen=True)
class Windows:
    """A window slid over the sample, replaced by a baseline; the logits of every class are kept."""

    cells: int
    overlap: int
    baseline: Baseline


@dataclass(frozen=True)
class WindowsSweep:
    """boxes: (done, 4) top, left, bottom, right; logits: (done, classes); full_logits: (classes,)."""

    boxes: np.ndarray
    logits: np.ndarray
    full_logits: np.ndarray
    done: int
    total: int

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.boxes.nbytes + self.logits.nbytes
