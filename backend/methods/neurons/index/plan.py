"""In which order a corpus is passed: at any moment what has been passed is a random part of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backend.store.index_file import SAMPLED

GROUP = SAMPLED  # items sorted by length together; the first group is the sample


@dataclass(frozen=True)
class Plan:
    """Batches of items, int64 (rows,) each, in passing order.

    A longer plan over the same corpus begins with the batches of a shorter one, so an index can be continued.
    """

    batches: tuple[np.ndarray, ...]

    @cached_property
    def order(self) -> np.ndarray:
        """All items in passing order, int64 (items,)."""
        return np.concatenate(self.batches)

    @property
    def sampled(self) -> np.ndarray:
        """The items drawn uniformly and passed first, int32 (sampled,)."""
        return self.order[:SAMPLED].astype(np.int32)


def plan(lengths: np.ndarray, items: int, *, seed: int, rows: int, positions: int) -> Plan:
    """Batches over `items` items, rounded up to whole groups, drawn without replacement; fewer where the corpus has fewer.

    lengths: int (available,), positions of each item. rows, positions: the most of a batch, one row at least.
    Items of a group are batched by length, so that little is padded, and a group's batches come in random order, so that time
    says nothing of length.
    """
    drawn = np.random.default_rng((seed, 0)).permutation(len(lengths))[: rounded(items, len(lengths))]
    batches: list[np.ndarray] = []
    for start in range(0, len(drawn), GROUP):
        group = drawn[start : start + GROUP]
        group = group[np.argsort(lengths[group], kind="stable")]
        cut = _cut(group, lengths, rows, positions)
        batches += [cut[at] for at in np.random.default_rng((seed, 1, start)).permutation(len(cut))]
    return Plan(tuple(batches))


def rounded(items: int, available: int) -> int:
    """How many items a plan for `items` holds."""
    return min(-(-items // GROUP) * GROUP, available)


def _cut(group: np.ndarray, lengths: np.ndarray, rows: int, positions: int) -> list[np.ndarray]:
    """Consecutive parts of a group whose items rise in length."""
    parts, start = [], 0
    for stop in range(1, len(group) + 1):
        full = stop == len(group) or stop - start == rows or (stop - start + 1) * lengths[group[stop]] > positions
        if full:
            parts.append(group[start:stop])
            start = stop
    return parts
