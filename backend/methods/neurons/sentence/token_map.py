"""The result of a method that says what each token of a prompt does for one token that may come next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from backend.methods.question import Prompt, TokenLogit
from backend.methods.registry import method
from backend.methods.steps import PassCount

TokenUnit = Literal["logit", "log probability"]


@dataclass(frozen=True)
class TokenMap:
    """What speaks for (positive) and against (negative) the target, token by token.

    tokens: the prompt's tokens as texts of their own. attribution: float32 (tokens,), in `unit`; tokens behind the explained
        position cannot act on it and have 0. position: the explained position, counted from 0.
    score: the explained quantity on the prompt, a logit or a natural logarithm of a probability.
    strength: float32 (tokens,), the L2 norm of the gradient, for methods that have it; None otherwise.
    facts: scalars a reader needs to judge the map, e.g. residual_share, points, windows.
    note: one short line of exactness. blank: why nothing is drawn, where the map is zero or not finite; None otherwise.
    """

    tokens: tuple[str, ...]
    attribution: np.ndarray
    target: TokenLogit
    position: int
    score: float
    unit: TokenUnit
    passes: PassCount
    seconds: float
    strength: np.ndarray | None = None
    facts: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    blank: str | None = None


token_map_method = partial(method, page="neurons", inputs=Prompt, targets=(TokenLogit,), returns=TokenMap)


def why_blank(attribution: np.ndarray, score: float, zero: str, not_finite: str) -> str | None:
    """The reason a map shows nothing, where it is not finite or zero everywhere; None otherwise."""
    if not (np.isfinite(attribution).all() and np.isfinite(score)):
        return not_finite
    if np.abs(attribution).max(initial=0.0) <= 1e-12 * max(1.0, abs(score)):
        return zero
    return None


def padded(values: np.ndarray, tokens: int) -> np.ndarray:
    """Values of the tokens up to the explained position, with zeros for those behind it, float32 (tokens,)."""
    return np.pad(values.astype(np.float32), (0, tokens - len(values)))
