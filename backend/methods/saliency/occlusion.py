"""Occlusion: slide a window over the sample and see what the target loses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.data.baselines import Baseline
from backend.methods.params import Range
from backend.methods.question import Contrast, Question, Target
from backend.methods.registry import Teaching
from backend.methods.saliency.cells import why_blank
from backend.methods.saliency.result import Saliency
from backend.methods.saliency.series import Windows, WindowsSweep
from backend.methods.saliency.views import saliency_method, views
from backend.methods.saliency.windows import window_boxes
from backend.methods.steps import PassCount, Step
from backend.models.card import FORWARD, ModelCard

if TYPE_CHECKING:
    from backend.engine.asking import Asking
    from backend.engine.sweeps import Reading

BLANK = "No window changes the target at all. A larger window or another fill may."


@dataclass(frozen=True)
class Occlusion:
    """The window's size, its overlap, and what replaces it."""

    cells: Annotated[int, Range(3, 14), "Windows per side: 7 gives windows of 32 pixels on a photo of 224."] = 7
    overlap: Annotated[int, Range(1, 4), "Moves per window: 2 slides it by half its size."] = 2
    baseline: Annotated[Baseline, "What replaces the window."] = "grey"


def windows_of(params: Occlusion, card: ModelCard) -> np.ndarray:
    """The windows the parameters give on the model's frame, int (n, 4)."""
    return window_boxes(card.preprocess.height, card.preprocess.width, params.cells, params.overlap)


@saliency_method(
    "occlusion",
    title="Occlusion",
    params=Occlusion,
    needs=frozenset({FORWARD}),
    teaching=Teaching(
        "Asks what the target loses when a window of the photo is replaced, for every place of the window.",
        "It cannot tell what only matters together with something elsewhere, nor anything smaller than the window.",
        "Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks.",
    ),
    cost=lambda params, card: PassCount(1 + len(windows_of(params, card))),
    reads=lambda params: ("windows", Windows(params.cells, params.overlap, params.baseline)),
)
def occlusion(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield the mean loss of the windows that cover each pixel, (1, H, W), in logits; 0 where none has been yet."""
    yield from views(asking, _view)


def _view(reading: Reading, asking: Asking) -> Saliency:
    sweep: WindowsSweep = reading.sweep
    full = float(score_rows(sweep.full_logits[None], asking.target)[0])
    losses = full - score_rows(sweep.logits, asking.target)
    heatmap = covered_mean(sweep.boxes, losses, *asking.sample.shape[1:])
    return Saliency(
        attribution=heatmap[None],
        cells=heatmap,
        target=asking.target,
        logit=full,
        unit="logit",
        passes=reading.passes,
        seconds=reading.seconds,
        additive=False,
        note=f"{sweep.done} windows" if sweep.done == sweep.total else f"{sweep.done} of {sweep.total} windows",
        facts={"windows": float(sweep.done)},
        blank=why_blank(heatmap, full, BLANK),
    )


def score_rows(logits: np.ndarray, target: Target) -> np.ndarray:
    """The explained quantity of each row of logits (rows, classes), (rows,)."""
    values = logits[:, target.index]
    return values - logits[:, target.against] if isinstance(target, Contrast) else values


def covered_mean(boxes: np.ndarray, losses: np.ndarray, height: int, width: int) -> np.ndarray:
    """The mean loss of the boxes (n, 4) that cover each pixel, float32 (H, W); 0 where none does."""
    total = np.zeros((height, width))
    count = np.zeros((height, width))
    for (top, left, bottom, right), loss in zip(boxes, losses, strict=True):
        total[top:bottom, left:right] += loss
        count[top:bottom, left:right] += 1
    return (total / np.maximum(count, 1)).astype(np.float32)
