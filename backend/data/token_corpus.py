"""Documents as sequences of a model's tokens: cut between paragraphs where that is possible, no sequence twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from backend.data.documents import Document

LONGEST = 128  # tokens a sequence
LEAST = 8  # tokens; a shorter rest says nothing about what follows what
LEAST_SHARE = 0.4  # of LONGEST: a paragraph that ends earlier does not end the sequence
CHARACTERS = 20_000  # a giant line is read in parts of this many


@dataclass(frozen=True)
class TokenCorpus:
    """Sequences one after the other.

    tokens: int32 (total,). starts: int64 (items + 1,), sequence i is tokens[starts[i] : starts[i + 1]].
    sources: the names readers are told. source_of: int32 (items,), each sequence's place in `sources`.
    """

    tokens: np.ndarray
    starts: np.ndarray
    sources: tuple[str, ...]
    source_of: np.ndarray

    def __len__(self) -> int:
        return len(self.source_of)

    def item(self, item: int) -> np.ndarray:
        """The tokens of one sequence, int32 (tokens,)."""
        return self.tokens[self.starts[item] : self.starts[item + 1]]

    def source(self, item: int) -> str:
        """Where one sequence comes from."""
        return self.sources[int(self.source_of[item])]


def token_corpus(documents: Sequence[Document], tokenizer: Tokenizer, longest: int = LONGEST) -> TokenCorpus:
    """Sequences of `LEAST` to `longest` tokens; none begins with what the tokenizer does not put before a text."""
    before, after = _added(tokenizer)
    room = longest - len(before) - len(after)
    kept: dict[bytes, int] = {}
    sources: dict[str, int] = {}
    for document in documents:
        source = sources.setdefault(document.source, len(sources))
        for piece in _pieces(document.text, tokenizer, room):
            kept.setdefault(np.concatenate([before, piece, after]).astype(np.int32).tobytes(), source)
    lengths = [len(key) // 4 for key in kept]
    return TokenCorpus(
        tokens=np.frombuffer(b"".join(kept), np.int32),
        starts=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
        sources=tuple(sources),
        source_of=np.fromiter(kept.values(), np.int32, len(kept)),
    )


def _pieces(text: str, tokenizer: Tokenizer, room: int) -> Iterator[np.ndarray]:
    """Token ids of the parts of a text, int64 (tokens,) each."""
    for begin in range(0, len(text), CHARACTERS):
        part = text[begin : begin + CHARACTERS]
        encoded = tokenizer.encode(part, add_special_tokens=False)
        ids = np.asarray(encoded.ids, np.int64)
        places = np.asarray(encoded.offsets, np.int64).reshape(-1, 2)[:, 0]  # (tokens,) where each token's text begins
        for start, stop in _cuts(len(ids), _ends(part, "\n\n", places), _ends(part, "\n", places), room):
            if stop - start >= LEAST:
                yield ids[start:stop]


def _cuts(count: int, paragraphs: np.ndarray, lines: np.ndarray, room: int) -> Iterator[tuple[int, int]]:
    """Ranges of at most `room` tokens that end with a paragraph where one ends in good time, else with a line, else anywhere."""
    start = 0
    while start < count:
        stop = min(start + room, count)
        if stop < count:
            for ends in (paragraphs, lines):
                known = int(np.searchsorted(ends, stop, side="right"))  # of the ends, how many are not beyond `stop`
                if known and ends[known - 1] >= start + LEAST_SHARE * room:
                    stop = int(ends[known - 1])
                    break
        yield start, stop
        start = stop


def _ends(text: str, mark: str, places: np.ndarray) -> np.ndarray:
    """The tokens, by number, that are the first after a mark, rising."""
    found, at = [], text.find(mark)
    while at >= 0:
        found.append(at + len(mark))
        at = text.find(mark, at + len(mark))
    return np.unique(np.searchsorted(places, np.asarray(found, np.int64), side="left"))


def _added(tokenizer: Tokenizer) -> tuple[np.ndarray, np.ndarray]:
    """What the tokenizer itself puts before and after every text, int64 each."""
    whole, bare = tokenizer.encode("a").ids, tokenizer.encode("a", add_special_tokens=False).ids
    begin = next((at for at in range(len(whole)) if whole[at : at + len(bare)] == bare), 0)
    return np.asarray(whole[:begin], np.int64), np.asarray(whole[begin + len(bare) :], np.int64)
