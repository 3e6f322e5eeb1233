"""Prompts of which only some tokens are left, along orders of tokens, and the target's log probability after each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from backend.evidence.curves import PROTOCOLS
from backend.methods.neurons.sentence.embedding_path import filler_token
from backend.methods.neurons.sentence.explained import Explained, rows_at_once
from backend.methods.neurons.sentence.windows import target_log_probability

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

Curves = dict[str, np.ndarray]


def log_probabilities_along(
    asking: TokenAsking, prompt: Explained, orders: np.ndarray, counts: np.ndarray
) -> Iterator[tuple[int, int, Curves]]:
    """Yield rows passed, rows planned, and the curves so far by protocol, float64 (orders, counts), NaN where not reached.

    orders: each token's place, int (orders, tokens). Insertion keeps the first `count` tokens of an order, deletion the rest.
    """
    curves = {name: np.full((len(orders), len(counts)), np.nan) for name in PROTOCOLS}
    filler = torch.full((1, 1), filler_token(asking.model))
    whole, empty = (float(target_log_probability(asking, rows, prompt)[0]) for rows in (prompt.tokens, filler))
    curves["insertion"][:, [0, -1]] = empty, whole
    curves["deletion"][:, [0, -1]] = whole, empty
    steps = range(1, len(counts) - 1)
    done, total = 2, 2 + len(steps) * len(PROTOCOLS) * len(orders)
    if done == total:
        yield done, total, curves
    for step, name in product(steps, PROTOCOLS):
        rows = _kept(prompt.tokens, orders, int(counts[step]), name)
        most = rows_at_once(rows.shape[1])
        for part in (slice(start, min(start + most, len(rows))) for start in range(0, len(rows), most)):
            curves[name][part, step] = target_log_probability(asking, rows[part], prompt)
            done += part.stop - part.start
            yield done, total, {key: values.copy() for key, values in curves.items()}


def _kept(tokens: Tensor, orders: np.ndarray, count: int, name: str) -> Tensor:
    """What is left of the prompt (1, tokens) in each order, (orders, tokens left), in the order of the text."""
    first = torch.from_numpy(orders < count)
    return torch.stack([tokens[0][row] for row in (first if name == "insertion" else ~first)])
