"""A rerun that changes nothing is quick: one visitor, then five, on the saliency page with finished maps."""

from __future__ import annotations

import asyncio

import numpy as np

from tests.load.client import visit

BAR = 0.060  # seconds, the median at one visitor
AT_FIVE = 0.5  # seconds, the median of five visitors who share the interpreter; generous on purpose


def _printed(seconds: list[float], visitors: int) -> float:
    middle, slow = np.quantile(seconds, [0.5, 0.95])
    print(f"\n{visitors} visitors, {len(seconds)} reruns: p50 {1e3 * middle:.0f} ms, p95 {1e3 * slow:.0f} ms")
    return float(middle)


def test_a_rerun_of_the_finished_page_takes_at_most_60_ms(app: str) -> None:
    assert _printed(asyncio.run(visit(app, visitors=1, reruns=20, pause=0.1)), 1) <= BAR


def test_five_visitors_at_once_still_get_their_page(app: str) -> None:
    assert _printed(asyncio.run(visit(app, visitors=5, reruns=6, pause=0.5)), 5) <= AT_FIVE
