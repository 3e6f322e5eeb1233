"""Integrated Gradients and occlusion against Captum's, on the net as it is published and on the net as the app folds it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from backend.data.baselines import baseline
from backend.methods.saliency.windows import window_boxes
from backend.models.loading import unfolded
from tests.benchmarks.bench import MODEL, Bench, relative_difference
from tests.benchmarks.figures import Figure, ratio
from tests.benchmarks.peers import Peer
from tests.benchmarks.timing import interleaved

STEPS = 50  # Captum's default
CELLS, OVERLAP = 7, 2
IG_CHUNKS = (1, 4, 8, 16, 32, 50)
OCCLUSION_CHUNKS = (1, 8, 16, 32)
BARS = {"integrated_gradients": 1.5, "occlusion": 1.3}


def measure(bench: Bench, repetitions: int) -> Iterator[Figure]:
    """The figures against Captum, after its best chunk has been found for each method and net."""
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(Path(folder), _given(bench), bench.threads)
        try:
            yield from _measure(bench, peer, repetitions)
        finally:
            peer.close()


def _measure(bench: Bench, peer: Peer, repetitions: int) -> Iterator[Figure]:
    side = bench.model().card.preprocess.height
    boxes = window_boxes(side, side, CELLS, OVERLAP)
    window = int(boxes[0][2] - boxes[0][0])
    stride = int(sorted({int(top) for top in boxes[:, 0]})[1])
    ours: dict[str, dict[str, Any]] = {
        "integrated_gradients": {"rule": "gauss-legendre", "steps": STEPS},
        "occlusion": {"cells": CELLS, "overlap": OVERLAP},
    }
    theirs = {"integrated_gradients": {"steps": STEPS}, "occlusion": {"window": window, "stride": stride}}
    chunks = {"integrated_gradients": IG_CHUNKS, "occlusion": OCCLUSION_CHUNKS}
    for method in ours:
        asked = {net: {"method": method, "net": net} | theirs[method] for net in ("raw", "folded")}
        best = {net: _best(peer, asked[net], chunks[method], repetitions) for net in asked}
        bare = bench.bare(bench.passes_of(bench.question(method, **ours[method])))
        series = interleaved(
            {
                "ours": bench.asked_anew(method, **ours[method]),
                "raw": partial(peer.time, **asked["raw"], chunk=best["raw"]),
                "folded": partial(peer.time, **asked["folded"], chunk=best["folded"]),
                "bare": bare,
                "again": bare,
            },
            repetitions,
        )
        mine = bench.run(bench.question(method, **ours[method])).attribution
        for net, bar in (("raw", BARS[method]), ("folded", None)):
            theirs_map = peer.result(**asked[net], chunk=best[net])
            same = relative_difference(mine, theirs_map if method == "integrated_gradients" else theirs_map[:1])
            note = f"Captum at its best chunk, {best[net]}; largest difference of the maps {same:.1e} of the largest value"
            yield ratio(
                f"{method}: Captum on the {net} net / ours", series[net], series["ours"], series["bare"], series["again"],
                side="at least", bar=bar, note=note,
            )  # fmt: skip


def _given(bench: Bench) -> dict[str, Any]:
    asking = bench.asking(bench.question("gradient"))
    return {
        "weights": _published(unfolded(MODEL).state_dict()),
        "sample": asking.sample,
        "baseline": asking.tensor(baseline(asking.frame, "black")),
        "fill": asking.tensor(baseline(asking.frame, "grey")),
        "target": bench.target.index,
    }


def _published(weights: dict[str, Any]) -> dict[str, Any]:
    """The package's own names: the app puts each activation behind its batch norm, in a sequence of two."""
    return {name.replace("bn0.0.", "bn0.").replace("bn1.0.", "bn1."): tensor for name, tensor in weights.items()}


def _best(peer: Peer, asked: dict[str, Any], chunks: tuple[int, ...], repetitions: int) -> int:
    """The chunk whose median CPU time is least, over a third of the repetitions."""
    runs = {str(chunk): partial(peer.time, **asked, chunk=chunk) for chunk in chunks}
    series = interleaved(runs, max(1, repetitions // 3))
    medians = {chunk: float(np.median(series[str(chunk)].cpu)) for chunk in chunks}
    said = ", ".join(f"{chunk}: {seconds:.2f} s" for chunk, seconds in medians.items())
    print(f"  Captum's {asked['method']} on the {asked['net']} net by chunk: {said}", flush=True)
    return min(medians, key=medians.__getitem__)
