"""A measured figure, its bar, and whether the measurement shows that the bar is met."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from tests.benchmarks.timing import LEAST_REPETITIONS, Series, median_interval, spread

Side = Literal["at least", "at most"]
State = Literal["shown", "missed", "not shown", "printed"]


@dataclass(frozen=True)
class Figure:
    """A measured value beside its bar.

    low, high: of a ratio, the 10 % and 90 % quantile over rounds; of another median, the ends of its 95 % interval.
    noise: for a ratio, how far from 1 the bare pass stands to itself.
    bar: None for a value that is only printed.
    """

    name: str
    value: float
    unit: str
    side: Side = "at most"
    bar: float | None = None
    low: float = float("nan")
    high: float = float("nan")
    noise: float | None = None
    rounds: int = 1
    note: str = ""
    load: float = field(default_factory=lambda: round(os.getloadavg()[0], 2))

    @property
    def state(self) -> State:
        """Whether the bar is met by more than the noise, missed by more than it, or neither.

        A ratio is held against the noise of the bare pass, any other median against its own interval.
        """
        if self.bar is None:
            return "printed"
        low, high = self._range()
        if self.side == "at least":
            return "shown" if low >= self.bar else "missed" if high < self.bar else "not shown"
        return "shown" if high <= self.bar else "missed" if low > self.bar else "not shown"

    def _range(self) -> tuple[float, float]:
        if self.noise is not None:
            return self.value / (1 + self.noise), self.value * (1 + self.noise)
        return (self.value, self.value) if np.isnan(self.low) else (self.low, self.high)


def ratio(
    name: str,
    above: Series,
    below: Series,
    bare: Series,
    again: Series,
    *,
    side: Side = "at most",
    bar: float | None,
    note: str = "",
) -> Figure:
    """The ratio of two medians of CPU time, with the noise that `bare` against itself shows."""
    rounds = len(above.timings)
    low, high = spread(above.cpu / below.cpu)
    value = float(np.median(above.cpu) / np.median(below.cpu))
    seconds = f"{np.median(above.cpu):.4g} s against {np.median(below.cpu):.4g} s"
    wall = f"wall {np.median(above.wall) / np.median(below.wall):.2f}"
    parts = [seconds, wall, note] if note else [seconds, wall]
    return Figure(name, value, "×", side, bar, low, high, noise_of(bare, again), rounds, "; ".join(parts))


def noise_of(bare: Series, again: Series) -> float:
    """How far from 1 the ratios of a pass to itself reach in nine of ten rounds."""
    low, high = spread(bare.cpu / again.cpu)
    return max(high, 1 / low) - 1


def latency(name: str, seconds: Iterable[float], bar: float | None, note: str = "") -> Figure:
    """A median of wall times in ms, held against a bar in ms."""
    values = 1000 * np.array(list(seconds))
    low, high = median_interval(values)
    return Figure(name, float(np.median(values)), "ms", "at most", bar, low, high, rounds=len(values), note=note)


def table(figures: Iterable[Figure]) -> str:
    """The figures as text, one a line, notes below each."""
    lines = [f"{'figure':58} {'value':>10}  {'bar':>12}  {'state':>9}  {'between':>19}  {'bare/bare':>9}  {'n':>3}  load"]
    for figure in figures:
        bar = "" if figure.bar is None else f"{'≥' if figure.side == 'at least' else '≤'} {figure.bar:g} {figure.unit}"
        noise = "" if figure.noise is None else f"± {100 * figure.noise:.1f} %"
        between = "" if np.isnan(figure.low) else f"{figure.low:.3g} – {figure.high:.3g}"
        few = figure.bar is not None and not np.isnan(figure.low) and figure.rounds < LEAST_REPETITIONS
        state = f"{figure.state}{' (few rounds)' if few else ''}"
        value = f"{figure.value:.3g} {figure.unit}"
        lines.append(
            f"{figure.name:58} {value:>10}  {bar:>12}  {state:>9}  {between:>19}  {noise:>9}  {figure.rounds:>3}  {figure.load}"
        )
        if figure.note:
            lines.append(f"    {figure.note}")
    return "\n".join(lines)


def write(figures: Iterable[Figure], path: Path, **circumstances: object) -> None:
    """The figures as JSON with the machine and the circumstances."""
    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    measured = [asdict(figure) | {"state": figure.state} for figure in figures]
    when = time.strftime("%Y-%m-%d %H:%M")
    whole = {"when": when, "machine": machine, **circumstances, "figures": measured}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
