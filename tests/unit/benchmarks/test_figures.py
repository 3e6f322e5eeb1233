"""A bar counts as met only where the measurement says more than the noise."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.figures import Figure, latency, noise_of, ratio, table, write
from tests.benchmarks.timing import Series, Timing, interleaved, median_interval


def series(*cpu: float) -> Series:
    return Series(tuple(Timing(seconds, 2 * seconds) for seconds in cpu))


QUIET, NOISY = (series(1, 1, 1), series(1, 1.01, 0.99)), (series(1, 1, 1), series(1, 1.5, 0.6))


@pytest.mark.parametrize(
    ("above", "side", "bar", "state"),
    [(1.02, "at most", 1.15, "shown"), (1.4, "at most", 1.15, "missed"), (1.15, "at most", 1.15, "not shown"),
     (2.0, "at least", 1.5, "shown"), (1.2, "at least", 1.5, "missed"), (1.5, "at least", 1.5, "not shown")],
)  # fmt: skip
def test_a_ratio_is_shown_missed_or_too_near_to_its_bar(above: float, side: str, bar: float, state: str) -> None:
    found = ratio("r", series(above, above, above), QUIET[0], *QUIET, side=side, bar=bar)  # type: ignore[arg-type]
    assert found.state == state


@pytest.mark.parametrize(("above", "side", "bar"), [(1.02, "at most", 1.15), (1.4, "at least", 1.3)])
def test_a_ratio_inside_the_noise_of_the_bare_pass_shows_nothing(above: float, side: str, bar: float) -> None:
    assert noise_of(*NOISY) > 0.4
    assert ratio("r", series(above, above, above), NOISY[0], *NOISY, side=side, bar=bar).state == "not shown"  # type: ignore[arg-type]


def test_a_median_whose_interval_crosses_its_bar_is_not_shown() -> None:
    assert latency("wait", [0.03] * 9, 50).state == "shown"
    assert latency("wait", [0.07] * 9, 50).state == "missed"
    assert latency("wait", [0.03] * 5 + [0.2] * 4, 50).state == "not shown"


def test_the_interval_of_a_median_narrows_with_more_rounds() -> None:
    values = np.random.default_rng(0).normal(size=900)
    few, many = median_interval(values[:9]), median_interval(values)
    assert few[1] - few[0] > 3 * (many[1] - many[0])


def test_every_contestant_runs_once_a_round_and_the_order_turns() -> None:
    order: list[str] = []
    found = interleaved({name: lambda name=name: order.append(name) for name in "abc"}, 3)  # type: ignore[misc]
    assert "".join(order) == "abc" + "abc" + "bca" + "cab"
    assert [len(each.timings) for each in found.values()] == [3, 3, 3]


def test_a_contestant_that_times_itself_is_believed() -> None:
    assert interleaved({"peer": lambda: Timing(7.0, 8.0)}, 2)["peer"].cpu.tolist() == [7.0, 7.0]


def test_figures_are_printed_and_written_with_their_state(tmp_path: Path) -> None:
    figures = [Figure("passes", 2, "rows", bar=2), Figure("seconds", 3.2, "s")]
    text = table(figures)
    assert "shown" in text
    assert "printed" in text
    write(figures, tmp_path / "new" / "figures.json", threads=1)
    assert [f["state"] for f in json.loads((tmp_path / "new" / "figures.json").read_text())["figures"]] == ["shown", "printed"]
