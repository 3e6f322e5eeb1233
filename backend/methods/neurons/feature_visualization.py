"""Feature visualisation: a picture made to excite one unit, with the measurements that say how far to believe it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from backend.methods.params import Range
from backend.methods.question import Question, Weights
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import GRADIENTS, SPATIAL_LAYERS, UNITS, ModelCard

if TYPE_CHECKING:
    from backend.engine.asking import Asking

HELD_OUT = 16  # transformations that neither the ascent nor the choice of the best frame has seen
CHOOSING = 4  # transformations by which the best frame is chosen
CHECKED_EVERY = 16  # iterations between two looks for the best frame
STARTS = 8  # pictures to start from before a unit without a gradient is called dead
SMALL = 64  # px; pictures below have starts full of contrast only, and all of them are tried
TRIAL = 16  # steps from each start of a small picture
NOISE, OTHER = "random noise", "the picture of another unit"

Objective = Literal["mean", "centre"]
Direction = Literal["highest", "lowest"]
Parametrisation = Literal["fourier", "maco"]


@dataclass(frozen=True)
class FeatureVisualization:
    """Which unit, what of it, and how the picture is made."""

    layer: Annotated[str, "The layer of the unit; empty for the last one."] = ""
    unit: Annotated[int, Range(0, 1_000_000), "The number of the channel or neuron in its layer."] = 0
    objective: Annotated[Objective, "The mean over all positions, or the position in the centre alone."] = "mean"
    direction: Annotated[Direction, "What excites the unit most, or what drives it lowest."] = "highest"
    parametrisation: Annotated[
        Parametrisation, "Fourier lets every frequency grow; MACO keeps the photos' spectrum and moves phases only."
    ] = "fourier"
    iterations: Annotated[int, Range(16, 1024, 16), "Steps uphill."] = 192
    copies: Annotated[int, Range(1, 16), "Transformed copies that each step is averaged over."] = 1
    transformations: Annotated[bool, "Shift, scale and rotate the picture a little at each step."] = True
    control: Annotated[bool, "Draw another unit of the layer too and show its picture to this one."] = True


@dataclass(frozen=True)
class FeaturePicture:
    """A picture that excites a unit, and what the unit gives on it and on the controls.

    picture: uint8 (H, W, C), the best frame so far under `CHOOSING` transformations. frame: uint8 (H, W, C), the latest.
    curve: float32 (iterations so far,), the objective during the ascent, mean over the copies.
    best_at: the iteration of `picture`. plain: the objective on it as it is.
    held_out, peaks: float32 (HELD_OUT,), the objective and the strongest position on it under held-out transformations;
        empty until the end. strongest is the largest position, or the smallest where the direction is lowest.
    controls, control_peaks: the same by control: HELD_OUT pictures of random noise, and another unit's picture.
    other_unit, other_picture: that unit's number and picture; None where it was not drawn.
    transparency: float32 (H, W) in 0 to 1, how much each pixel mattered during the ascent (MACO); None for Fourier.
    blank: why there is no picture; None otherwise.
    """

    layer: str
    unit: int
    objective: Objective
    direction: Direction
    picture: np.ndarray
    frame: np.ndarray
    curve: np.ndarray
    best_at: int
    plain: float
    held_out: np.ndarray
    peaks: np.ndarray
    passes: PassCount
    seconds: float
    controls: Mapping[str, np.ndarray] = field(default_factory=dict)
    control_peaks: Mapping[str, np.ndarray] = field(default_factory=dict)
    other_unit: int | None = None
    other_picture: np.ndarray | None = None
    transparency: np.ndarray | None = None
    note: str = ""
    blank: str | None = None

    @property
    def mean(self) -> float:
        """The mean of the objective over the held-out transformations; NaN until the end."""
        return float(self.held_out.mean()) if self.held_out.size else math.nan

    @property
    def peak(self) -> float:
        """The mean of the strongest position over the held-out transformations; NaN until the end."""
        return float(self.peaks.mean()) if self.peaks.size else math.nan


def _cost(params: FeatureVisualization, card: ModelCard) -> PassCount:
    """What is spent where the unit and its control have a gradient from the start, in rows."""
    pictures = 2 if params.control else 1
    small = min(card.preprocess.height, card.preprocess.width) < SMALL
    starts = STARTS * (2 + TRIAL * params.copies) if small else STARTS // 2
    climbed = pictures * (params.iterations * params.copies + starts)
    looks = CHOOSING * math.ceil(params.iterations / CHECKED_EVERY)
    measured = HELD_OUT * (1 + pictures) + 2
    return PassCount(climbed + pictures * looks + measured, climbed)


@method(
    "feature_visualization",
    title="Feature visualisation",
    page="neurons",
    params=FeatureVisualization,
    inputs=Weights,
    needs=frozenset({GRADIENTS, UNITS, SPATIAL_LAYERS}),
    returns=FeaturePicture,
    teaching=Teaching(
        "Changes a picture step by step until the unit is as active as it gets, and so draws what it responds to.",
        "It cannot tell what else excites the unit, nor whether any photo looks like this: see real examples beside it.",
        "Olah, Mordvintsev and Schubert 2017; MACO: Fel et al. 2023.",
    ),
    cost=_cost,
)
def feature_visualization(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield the picture as it forms, then the best frame with its measurements. Raises ParameterError for no such unit."""
    from backend.methods.neurons.draw.drawing import draw

    yield from draw(question, asking)
