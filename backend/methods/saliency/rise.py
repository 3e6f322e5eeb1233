"""RISE: the target's probability averaged over smooth random masks that show each pixel."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.params import Range
from backend.methods.prediction import softmax_column
from backend.methods.question import Contrast, Question, Target
from backend.methods.registry import Teaching
from backend.methods.saliency.cells import why_blank
from backend.methods.saliency.masks import interpolation, values_at, weighted_sum
from backend.methods.saliency.occlusion import score_rows
from backend.methods.saliency.result import Saliency
from backend.methods.saliency.series import Precision, RandomMasks, RandomMasksSweep
from backend.methods.saliency.views import saliency_method, views
from backend.methods.steps import PassCount, Step
from backend.models.card import FORWARD

if TYPE_CHECKING:
    from backend.engine.asking import Asking
    from backend.engine.sweeps import Reading

SHOWN = 0.5  # the chance of a cell to be shown, p in the paper
BLANK = "No mask changes the target's probability. Occlusion measures logits, which still move where probabilities stick."


@dataclass(frozen=True)
class Rise:
    """How many masks, and how coarse."""

    masks: Annotated[int, Range(50, 8000, 50), "Random masks; the error shrinks with the square root of their number."] = 1000
    cells: Annotated[int, Range(3, 14), "Cells per side of a mask before it is smoothed."] = 7
    precision: Annotated[
        Precision, "Fast runs the masked photos in bfloat16 where the device has it; the error that adds is far below chance."
    ] = "fast"


@saliency_method(
    "rise",
    title="RISE",
    params=Rise,
    needs=frozenset({FORWARD}),
    teaching=Teaching(
        "Asks how likely the class stays when half the photo is hidden at random, and credits the pixels that were shown.",
        "It cannot tell apart pixels closer than a mask's cell, and small values may be chance: read it with its error.",
        "Petsiuk, Das and Saenko 2018, RISE; the mean masked score is taken off here, so that zero means no difference.",
    ),
    cost=lambda params, card: PassCount(params.masks + 1),
    reads=lambda params: ("random_masks", RandomMasks(params.masks, params.cells, params.precision)),
)
def rise(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield the map as masks come in, (1, H, W), in probability, with its standard error on a coarse grid."""
    yield from views(asking, _view)


def _view(reading: Reading, asking: Asking) -> Saliency:
    sweep: RandomMasksSweep = reading.sweep
    height, width = asking.sample.shape[1:]
    scores = probabilities(sweep.logits, asking.target)
    heatmap = centred_map(sweep, scores, height, width)
    error = standard_error(sweep, scores, height, width)
    typical = float(np.sqrt((error**2).mean()))
    logit = float(score_rows(sweep.full_logits[None], asking.target)[0])
    masks = f"{sweep.done:,} masks" if sweep.done == sweep.total else f"{sweep.done:,} of {sweep.total:,} masks"
    if sweep.dtype == "bfloat16":
        masks += " in bfloat16"
    return Saliency(
        attribution=heatmap[None],
        cells=heatmap,
        target=asking.target,
        logit=logit,
        unit="probability",
        passes=reading.passes,
        seconds=reading.seconds,
        additive=False,
        note=f"{masks}, ± {typical:.2g}" if np.isfinite(typical) else masks,
        facts={"masks": float(sweep.done), "standard_error": typical, "mean_masked_score": float(scores.mean())},
        standard_error=error,
        blank=why_blank(heatmap, 1.0, BLANK),
    )


def probabilities(logits: np.ndarray, target: Target) -> np.ndarray:
    """The target's probability in each row of logits, or the difference of two; (rows,)."""
    values = softmax_column(logits, target.index)
    return values - softmax_column(logits, target.against) if isinstance(target, Contrast) else values


def centred_map(sweep: RandomMasksSweep, scores: np.ndarray, height: int, width: int) -> np.ndarray:
    """Σ_k (score_k − mean score) mask_k / (p N), float32 (H, W): equation 6 minus the mean masked score.

    The mean is taken off each mask rather than off the sum. Both have the same expectation up to 1/N; this way a pixel that
    chance showed more often than p is not credited for it, which leaves about a quarter of the error.
    """
    rows, columns = _interpolations(sweep.grids.shape[1], height, width)
    summed = weighted_sum(scores - scores.mean(), sweep.grids, sweep.shifts, rows, columns)
    return (summed / (SHOWN * sweep.done)).astype(np.float32)


def standard_error(sweep: RandomMasksSweep, scores: np.ndarray, height: int, width: int) -> np.ndarray:
    """Standard error of the centred map at every 8th pixel (coarser frames: every pixel), float32 (h, w); NaN for one mask."""
    spacing = 8 if min(height, width) >= 64 else 1
    rows, columns = _interpolations(sweep.grids.shape[1], height, width)
    shown = values_at(sweep.grids, sweep.shifts, rows, columns, spacing)  # (masks, h, w)
    share = shown.reshape(sweep.done, -1) / SHOWN - 1  # (masks, h·w)
    centred = (scores - scores.mean()).astype(np.float32)
    mean = centred @ share / sweep.done
    mean_square = centred**2 @ share**2 / sweep.done
    variance = np.maximum(mean_square - mean**2, 0) / (sweep.done - 1 or math.nan)
    return np.sqrt(variance).reshape(shown.shape[1:]).astype(np.float32)


@lru_cache(maxsize=8)
def _interpolations(cells: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    return interpolation(cells, height), interpolation(cells, width)
