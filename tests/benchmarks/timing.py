"""Interleaved timing: every contestant once a round, in turning order, so that a busy minute hits all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

LEAST_REPETITIONS = 9


@dataclass(frozen=True)
class Timing:
    """Seconds one repetition took: CPU time of all threads of its process, and wall time."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Series:
    """Repetitions of one contestant, in order of rounds."""

    timings: tuple[Timing, ...]

    @property
    def cpu(self) -> np.ndarray:
        """CPU seconds, (rounds,)."""
        return np.array([timing.cpu for timing in self.timings])

    @property
    def wall(self) -> np.ndarray:
        """Wall seconds, (rounds,)."""
        return np.array([timing.wall for timing in self.timings])


Contestant = Callable[[], Any]


def timed(run: Contestant) -> Timing:
    """One repetition. A contestant that measures itself, as a peer in a process of its own does, returns its Timing."""
    wall, cpu = time.perf_counter(), time.process_time()
    own = run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return own if isinstance(own, Timing) else Timing(cpu, wall)


def interleaved(contestants: Mapping[str, Contestant], repetitions: int) -> dict[str, Series]:
    """Time each contestant once a round after one round that does not count; the order turns by one every round."""
    names = list(contestants)
    for name in names:
        contestants[name]()
    found: dict[str, list[Timing]] = {name: [] for name in names}
    for round_number in range(repetitions):
        turn = round_number % len(names)
        for name in names[turn:] + names[:turn]:
            found[name].append(timed(contestants[name]))
    return {name: Series(tuple(timings)) for name, timings in found.items()}


def spread(values: np.ndarray) -> tuple[float, float]:
    """The 10 % and the 90 % quantile."""
    low, high = np.quantile(values, [0.1, 0.9])
    return float(low), float(high)


def median_interval(values: np.ndarray) -> tuple[float, float]:
    """Where the median lies with 95 % confidence, whatever the distribution: order statistics, by the normal approximation."""
    reach = 0.98 / np.sqrt(len(values))
    low, high = np.quantile(values, [max(0.0, 0.5 - reach), min(1.0, 0.5 + reach)])
    return float(low), float(high)
