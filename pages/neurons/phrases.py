"""The texts around a neuron's examples: which tokens, how strong on each, where they are from, and how often they recur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from backend.data.pieces import piece_texts

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from backend.data.corpora import TokenCorpus
    from backend.store.unit_index import Example


@dataclass(frozen=True)
class Phrase:
    """One example as text.

    tokens: the pieces' own texts. values: float32 (tokens,), the unit's activations. peak: the place of the example's value.
    value: that value. item: its number in the corpus. times: how many examples read the same.
    """

    tokens: tuple[str, ...]
    values: np.ndarray
    peak: int
    value: float
    item: int
    source: str
    times: int = 1

    @property
    def text(self) -> str:
        """The phrase as it runs."""
        return "".join(self.tokens)


def phrases(examples: Sequence[Example], corpus: TokenCorpus, tokenizer: Tokenizer) -> list[Phrase]:
    """The examples as texts in their order, those whose tokens are the same folded into the first of them."""
    found: dict[tuple[int, ...], Phrase] = {}
    for example in examples:
        ids = window_ids(example, corpus)
        if ids in found:
            found[ids] = replace(found[ids], times=found[ids].times + 1)
            continue
        source = corpus.sources[int(corpus.source_of[example.item])]
        values = np.asarray(example.window[: len(ids)], dtype=np.float32)
        peak = example.place - example.window_start
        found[ids] = Phrase(piece_texts(tokenizer, ids), values, peak, example.value, example.item, source)
    return list(found.values())


def window_ids(example: Example, corpus: TokenCorpus) -> tuple[int, ...]:
    """The token ids that the example's window is of."""
    first = int(corpus.starts[example.item]) + example.window_start
    end = min(first + len(example.window), int(corpus.starts[example.item + 1]))
    return tuple(int(number) for number in corpus.tokens[first:end])


def item_ids(item: int, corpus: TokenCorpus) -> tuple[int, ...]:
    """The token ids of a whole item."""
    return tuple(int(number) for number in corpus.tokens[int(corpus.starts[item]) : int(corpus.starts[item + 1])])
