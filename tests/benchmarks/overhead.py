"""What the methods cost above the passes they make, and what a mask costs above none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from skimage.transform import resize

from backend.methods.saliency.masks import draw_masks
from backend.methods.saliency.sweeps.random_masks import MaskMaker
from tests.benchmarks.bench import Bench, Pass
from tests.benchmarks.figures import Figure, ratio
from tests.benchmarks.timing import interleaved

METHODS: tuple[tuple[str, str, dict[str, Any], float | None], ...] = (
    ("integrated_gradients, 50 points", "integrated_gradients", {"rule": "gauss-legendre", "steps": 50}, 1.15),
    ("integrated_gradients, adaptive", "integrated_gradients", {}, 1.15),
    ("occlusion, 169 windows", "occlusion", {"cells": 7, "overlap": 2}, 1.15),
    ("rise, 1000 masks, fast", "rise", {"masks": 1000, "precision": "fast"}, 1.15),
    ("rise, 1000 masks, exact", "rise", {"masks": 1000, "precision": "exact"}, 1.15),
    ("smoothgrad, 48 copies", "smoothgrad", {}, None),
)
MASKS, CELLS, ROWS = 160, 7, 16


def measure(bench: Bench, repetitions: int) -> Iterator[Figure]:
    """All figures of this file."""
    yield _grad_cam(bench, repetitions)
    yield _mask_making(bench, repetitions)
    for name, method, params, bar in METHODS:
        passes = bench.passes_of(bench.question(method, **params))
        bare = bench.bare(passes)
        series = interleaved({"ours": bench.asked_anew(method, **params), "bare": bare, "again": bare}, repetitions)
        note = f"through the engine's thread; {_in_words(passes)}"
        yield ratio(f"{name} / bare passes", series["ours"], series["bare"], series["bare"], series["again"], bar=bar, note=note)


def _grad_cam(bench: Bench, repetitions: int) -> Figure:
    bare = bench.bare([Pass(1, "float32", True)])
    runs = {"ours": bench.asked_anew("grad_cam"), "bare": bare, "again": bare}
    series = interleaved(runs, 3 * repetitions)  # a run is 50 ms, so that a tick of the machine is felt
    layers = len(bench.model().layers)
    return ratio(
        "grad_cam, all layers / one forward + backward", series["ours"], series["bare"], series["bare"], series["again"],
        bar=1.3, note=f"through the engine's thread; {layers} layers",
    )  # fmt: skip


def _mask_making(bench: Bench, repetitions: int) -> Figure:
    asking = bench.asking(bench.question("rise"))
    side = asking.sample.shape[1]
    grids, shifts = draw_masks(0, MASKS, CELLS, side)

    def ours() -> None:
        maker = MaskMaker(CELLS, side, side, asking.sample)
        for start in range(0, MASKS, ROWS):
            maker.make(grids[start : start + ROWS], shifts[start : start + ROWS])

    def loop() -> None:
        cell = -(-side // CELLS)
        for grid, (down, right) in zip(grids, shifts, strict=True):
            large = resize(grid, ((CELLS + 1) * cell,) * 2, order=1, mode="reflect", anti_aliasing=False)
            torch.from_numpy(np.ascontiguousarray(large[down : down + side, right : right + side], dtype=np.float32))

    series = interleaved({"loop": loop, "ours": ours, "again": ours}, repetitions)
    each = f"{1e3 * np.median(series['ours'].cpu) / MASKS:.3f} ms a mask, its tables included"
    return ratio(
        "masks: scikit-image loop / ours", series["loop"], series["ours"], series["ours"], series["again"],
        side="at least", bar=10, note=each,
    )  # fmt: skip


def _in_words(passes: list[Pass]) -> str:
    counts = Counter((call.rows, call.dtype, call.backward) for call in passes)
    forward = sum(call.rows for call in passes)
    batches = ", ".join(
        f"{number} × {rows}{' bf16' if dtype == 'bfloat16' else ''}{' F+B' if backward else ' F'}"
        for (rows, dtype, backward), number in counts.items()
    )
    return f"{forward} rows in batches {batches}"
