"""Rows through a model in chunks that halve when memory runs out, counted and timed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from statistics import median
from typing import Any, TypeVar

import torch
from torch import Tensor

from backend.methods.steps import PassCount

REMEMBERED = 15  # passes; an odd few forget the slow first one
R = TypeVar("R")


class OutOfMemory(RuntimeError):
    """One row alone does not fit in memory."""


class Speed:
    """Seconds a row takes on this model, forward and with its backward: the median of the last passes measured."""

    def __init__(self) -> None:
        self._seen: dict[bool, deque[float]] = {False: deque(maxlen=REMEMBERED), True: deque(maxlen=REMEMBERED)}

    def saw(self, seconds: float, rows: int, backward: bool) -> None:
        """Remember one measured pass."""
        self._seen[backward].append(seconds / rows)

    @property
    def forward(self) -> float:
        """Seconds a row forward; 0 before anything was measured."""
        return median(self._seen[False]) if self._seen[False] else 0.0

    @property
    def both(self) -> float:
        """Seconds a row forward and backward; 0 before anything was measured."""
        return median(self._seen[True]) if self._seen[True] else 0.0


@dataclass
class Meter:
    """Rows passed so far; several passes of one question may share it."""

    spent: PassCount = field(default_factory=PassCount)


@dataclass
class Chunks:
    """Runs rows through a model `size` at a time; a chunk that does not fit is halved, for this and all later calls."""

    device: torch.device
    size: int
    what: str
    speed: Speed = field(default_factory=Speed)
    meter: Meter = field(default_factory=Meter)

    def growing(self, total: int) -> Iterator[slice]:
        """Slices of 1, 2, 4 … `size` rows, so that the first picture comes after one row."""
        start, size = 0, 1
        while start < total:
            stop = min(start + min(size, self.size), total)
            yield slice(start, stop)
            start, size = stop, size * 2

    def run(self, rows: Tensor, work: Callable[[Tensor, slice], R], *, backward: bool) -> R:
        """`work(part, where)` for each chunk of the rows, joined. Raises OutOfMemory where one row does not fit."""
        records, start = [], 0
        while start < len(rows):
            part = rows[start : start + self.size]
            where = slice(start, start + len(part))
            before = time.perf_counter()
            record = _unless_out_of_memory(work, part, where)
            if record is None:
                self._halve(len(part))
                continue
            self.speed.saw(time.perf_counter() - before, len(part), backward)
            self.meter.spent += PassCount(len(part), len(part) if backward else 0)
            records.append(record)
            start += len(part)
        return records[0] if len(records) == 1 else _joined(records)

    def _halve(self, rows: int) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if rows == 1:
            raise OutOfMemory(f"One {self.what} alone does not fit in the memory of {self.device}.")
        self.size = max(1, rows // 2)


def _unless_out_of_memory(work: Callable[[Tensor, slice], R], part: Tensor, where: slice) -> R | None:
    # The caller frees memory after this returns: inside the handler the traceback would still hold the tensors.
    try:
        return work(part, where)
    except (torch.OutOfMemoryError, MemoryError):
        return None
    except RuntimeError as error:
        if "can't allocate memory" in str(error) or "not enough memory" in str(error):
            return None
        raise


def _joined(records: list[R]) -> R:
    def join(parts: list[Any]) -> Any:
        if parts[0] is None:
            return None
        if isinstance(parts[0], Tensor):
            return torch.cat(parts)
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    kind: Any = type(records[0])
    return kind(**{part.name: join([getattr(record, part.name) for record in records]) for part in fields(kind)})
