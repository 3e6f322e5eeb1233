"""Orders of tokens: a map's, and those of the controls it must beat."""

from __future__ import annotations

import numpy as np

from backend.evidence.curves import counts
from backend.evidence.orders import ranks

RANDOM, LATEST = "random orders", "latest first"


def orders_of(values: np.ndarray, random: int, seed: int) -> np.ndarray:
    """Each token's place in the order of `values` (tokens,), in the order from the last token to the first, and in `random`
    random orders that differ from the first, int32 (2 + random, tokens). Needs 2 tokens."""
    own = ranks(values, seed)
    drawn = [_another(own, np.random.default_rng([seed, 1, number])) for number in range(random)]
    return np.stack([own, np.arange(len(values))[::-1], *drawn]).astype(np.int32)


def _another(own: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """A random order: the map's own would tie with it, and a short prompt has few."""
    order = draw.permutation(len(own))
    return _another(own, draw) if np.array_equal(order, own) else order


def token_counts(steps: int, tokens: int) -> np.ndarray:
    """Tokens moved after each step, from none to all, each number once, int64 (at most steps + 1,)."""
    return np.unique(counts(min(steps, tokens), tokens))
