"""A window slid over the sample: read by occlusion, for every class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from backend.data.baselines import baseline
from backend.engine.asking import Asking, array
from backend.methods.registry import sweep
from backend.methods.saliency.series import Windows, WindowsSweep
from backend.methods.saliency.windows import window_boxes


@sweep("windows", params=Windows, by_target=False)
def windows(asking: Asking, params: Windows) -> Iterator[WindowsSweep]:
    """Yield the logits of all windows so far, in an order that covers the frame evenly from the start."""
    sample = asking.sample
    fill = asking.tensor(baseline(asking.frame, params.baseline, asking.question.seed))
    boxes = window_boxes(sample.shape[1], sample.shape[2], params.cells, params.overlap)
    boxes = boxes[np.random.default_rng(0).permutation(len(boxes))]
    full = array(asking.forward(sample[None]).logits[0])
    logits = np.empty((len(boxes), len(full)), dtype=full.dtype)
    for part in asking.batches(len(boxes)):
        rows = sample.repeat(part.stop - part.start, 1, 1, 1)  # (rows, C, H, W)
        for row, (top, left, bottom, right) in zip(rows, boxes[part], strict=True):
            row[:, top:bottom, left:right] = fill[:, top:bottom, left:right]
        logits[part] = array(asking.forward(rows).logits)
        yield WindowsSweep(boxes[: part.stop], logits[: part.stop], full, part.stop, len(boxes))
