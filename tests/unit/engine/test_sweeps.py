"""Sweeps: read by many, paused when nobody reads, resumed where they stood, dropped by bytes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from backend.engine.sweeps import Reading, SweepCache, SweepRun
from backend.methods.steps import PassCount


@dataclass(frozen=True)
class Chunk:
    """A snapshot of a sweep of four chunks."""

    done: int
    total: int = 4
    nbytes: int = 100


class Model:
    """Something heavy a running sweep holds."""


class Series:
    """Chunks handed out and counted; fails at a chunk where told to."""

    def __init__(self, fails_at: int = 0, ends_at: int = 4) -> None:
        self.handed, self.fails_at, self.ends_at = 0, fails_at, ends_at
        self.model: Model | None = Model()
        self.seen = weakref.ref(self.model)

    def start(self) -> SweepRun:
        """A run that holds the model."""
        model, self.model = self.model, None
        return SweepRun(self._snapshots(model), lambda: PassCount(self.handed, 0))

    def _snapshots(self, model: Model | None) -> Iterator[Chunk]:
        for done in range(1, self.ends_at + 1):
            if done == self.fails_at:
                raise MemoryError(f"chunk {done}")
            self.handed += 1
            yield Chunk(done)


def done(readings: Iterator[Reading]) -> list[int]:
    return [reading.sweep.done for reading in readings]


def test_a_second_reader_costs_no_pass() -> None:
    cache, series = SweepCache(1000), Series()
    assert done(cache.read("key", series.start)) == [1, 2, 3, 4]
    assert done(cache.read("key", series.start)) == [4]
    assert series.handed == 4
    assert cache.complete("key")
    assert not cache.complete("another")


def test_a_reader_that_joins_goes_on_from_the_latest_snapshot_and_both_see_every_pass_paid_once() -> None:
    cache, series = SweepCache(1000), Series()
    first = cache.read("key", series.start)
    assert [next(first).sweep.done, next(first).sweep.done] == [1, 2]
    second = cache.read("key", series.start)
    assert [next(second).sweep.done, next(second).sweep.done] == [2, 3]
    assert done(first) == [3, 4]
    last = list(second)
    assert [reading.passes for reading in last] == [PassCount(4, 0)]
    assert series.handed == 4


def test_a_sweep_left_half_way_is_paused_and_resumed() -> None:
    cache, series = SweepCache(1000), Series()
    reader = cache.read("key", series.start)
    next(reader)
    next(reader)
    reader.close()
    assert series.handed == 2
    assert not cache.complete("key")
    assert done(cache.read("key", series.start)) == [2, 3, 4]
    assert series.handed == 4


def test_a_sweep_is_complete_with_its_last_snapshot_though_the_reader_looks_no_further() -> None:
    cache, series = SweepCache(1000), Series()
    reader = cache.read("key", series.start)
    assert [next(reader).sweep.done for _ in range(4)] == [1, 2, 3, 4]
    reader.close()
    assert cache.complete("key")


def test_a_sweep_that_ends_before_its_total_is_complete_when_read_to_its_end() -> None:
    cache, series = SweepCache(1000), Series(ends_at=2)
    assert done(cache.read("key", series.start)) == [1, 2]
    assert cache.complete("key")


def test_a_finished_sweep_lets_its_model_go_and_a_paused_one_holds_it() -> None:
    cache, series, paused = SweepCache(1000), Series(), Series()
    done(cache.read("key", series.start))
    reader = cache.read("paused", paused.start)
    next(reader)
    reader.close()
    gc.collect()
    assert series.seen() is None
    assert paused.seen() is not None


def test_a_sweep_that_fails_fails_every_reader_and_is_started_anew_by_the_next() -> None:
    cache, series = SweepCache(1000), Series(fails_at=3)
    first, second = cache.read("key", series.start), cache.read("key", series.start)
    next(first)
    next(second)
    with pytest.raises(MemoryError, match="chunk 3"):
        done(first)
    with pytest.raises(MemoryError, match="chunk 3"):  # not a result of two chunks that looks finished
        done(second)
    assert "key" not in cache
    assert done(cache.read("key", Series().start)) == [1, 2, 3, 4]


def test_the_least_recently_read_sweeps_go_when_their_bytes_pass_the_budget() -> None:
    cache = SweepCache(250)
    for key in ("a", "b"):
        done(cache.read(key, Series().start))
    done(cache.read("a", Series().start))  # read again, so b is the oldest
    done(cache.read("c", Series().start))
    assert [key in cache for key in "abc"] == [True, False, True]
    assert cache.nbytes <= 250


def test_one_sweep_larger_than_the_budget_is_still_read_to_its_end() -> None:
    cache = SweepCache(50)
    assert done(cache.read("key", Series().start)) == [1, 2, 3, 4]
    assert "key" in cache


def test_a_sweep_dropped_while_it_is_read_is_read_to_its_end() -> None:
    cache, series = SweepCache(150), Series()
    reader = cache.read("a", series.start)
    next(reader)
    done(cache.read("b", Series().start))
    assert "a" not in cache
    assert done(reader) == [2, 3, 4]
