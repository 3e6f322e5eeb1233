"""The prompt of a question up to the position it explains: what comes later cannot act on a decoder's answer there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from backend.data.pieces import piece_texts
from backend.methods.params import ParameterError
from backend.methods.question import TokenLogit

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

TOKENS_AT_ONCE = 512  # of all rows of a pass: other questions wait while it runs
ROWS_AT_ONCE = 8


@dataclass(frozen=True)
class Explained:
    """tokens: int64 (1, position + 1), the prompt up to the explained position. texts: every token of the whole prompt.

    target: as the question names it. last: the same token, explained after the last of `tokens`.
    """

    tokens: Tensor
    texts: tuple[str, ...]
    target: TokenLogit
    last: TokenLogit

    @property
    def position(self) -> int:
        """The explained position, counted from 0."""
        return self.tokens.shape[1] - 1


def explained(asking: TokenAsking) -> Explained:
    """The question's prompt and target. Raises ParameterError where the position is not one of the prompt's."""
    target = asking.target
    if not isinstance(target, TokenLogit):
        raise ParameterError(f"{type(target).__name__} is no target of a language model; name a token.")
    tokens = asking.tokens
    count = tokens.shape[1]
    position = target.position + count if target.position < 0 else target.position
    if not 0 <= position < count:
        raise ParameterError(f"Position: {target.position} is outside 0 to {count - 1}, the tokens of the prompt.")
    texts = piece_texts(asking.model.tokenizer, tokens[0].tolist())
    return Explained(tokens[:, : position + 1], texts, target, TokenLogit(target.index, -1))


def rows_at_once(tokens: int) -> int:
    """How many rows of so many tokens one step may pass."""
    return max(1, min(ROWS_AT_ONCE, TOKENS_AT_ONCE // tokens))


def growing(total: int, most: int) -> Iterator[slice]:
    """Slices of 1, 2, 4 … `most` rows, so that the first picture comes after one row."""
    start, size = 0, 1
    while start < total:
        stop = min(start + min(size, most), total)
        yield slice(start, stop)
        start, size = stop, size * 2
