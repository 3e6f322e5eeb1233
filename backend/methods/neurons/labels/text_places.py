"""Where in a corpus of text a rule is true: one pass of NumPy over all tokens a rule."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from backend.data.pieces import piece_texts
from backend.methods.neurons.labels.rules import Rule
from backend.methods.neurons.labels.token_classes import PLACES, in_class

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from backend.data.corpora import TokenCorpus

READ = 64  # tokens of a text that a test reads; what stands behind them changes nothing before
MASKS_KEPT = 48  # a megabyte each for a corpus of a million tokens


class TextPlaces:
    """A corpus' tokens as texts, and the tokens at which rules are true.

    tokens: int32 (total,). starts: int64 (items + 1,). A text's first token never counts: attention makes it an outlier.
    pieces: the text of each token that occurs, by its number among those; of_token: int32 (total,), that number.
    """

    def __init__(self, corpus: TokenCorpus, tokenizer: Tokenizer) -> None:
        self.tokens, self.starts = np.asarray(corpus.tokens), np.asarray(corpus.starts)
        used, self.of_token = np.unique(self.tokens, return_inverse=True)
        self.pieces = piece_texts(tokenizer, used)
        self.words = tuple(piece.strip().lower() for piece in self.pieces)
        self.tokenizer = tokenizer
        self._masks: dict[Rule, np.ndarray] = {}

    @property
    def items(self) -> int:
        """How many texts there are."""
        return len(self.starts) - 1

    @cached_property
    def item_of(self) -> np.ndarray:
        """The text each token stands in, int32 (total,)."""
        return np.repeat(np.arange(self.items, dtype=np.int32), np.diff(self.starts))

    @cached_property
    def counted(self) -> np.ndarray:
        """All tokens but the first of each text, bool (total,)."""
        counted = np.ones(len(self.tokens), dtype=bool)
        counted[self.starts[:-1][np.diff(self.starts) > 0]] = False
        return counted

    @cached_property
    def tested(self) -> np.ndarray:
        """The counted tokens among the first `READ` of each text, bool (total,): those that a test reads."""
        offsets = np.arange(len(self.tokens)) - self.starts[self.item_of]
        return self.counted & (offsets < READ)

    def true_at(self, rule: Rule) -> np.ndarray:
        """The counted tokens at which the rule is true, bool (total,). Do not write to it."""
        if rule not in self._masks:
            while len(self._masks) >= MASKS_KEPT:
                del self._masks[next(iter(self._masks))]
            self._masks[rule] = self._found(rule) & self.counted
        return self._masks[rule]

    def share(self, rule: Rule) -> float:
        """The share of counted tokens at which the rule is true."""
        return float(self.true_at(rule).sum() / max(1, self.counted.sum()))

    def in_items(self, mask: np.ndarray) -> np.ndarray:
        """The texts that hold a true token, bool (items,)."""
        found = np.zeros(self.items, dtype=bool)
        found[self.item_of[mask]] = True
        return found

    def window(self, place: int, before: int = 12, after: int = 4) -> str:
        """The text around a token of the corpus, within its item."""
        item = int(self.item_of[place])
        low, high = max(int(self.starts[item]), place - before), min(int(self.starts[item + 1]), place + after + 1)
        return "".join(self.pieces[number] for number in self.of_token[low:high])

    def class_members(self, name: str) -> np.ndarray:
        """Which of the pieces belong to a class, bool (pieces,)."""
        return np.fromiter((in_class(name, piece) for piece in self.pieces), dtype=bool, count=len(self.pieces))

    def _found(self, rule: Rule) -> np.ndarray:
        if rule.kind == "class":
            name = rule.words[0]
            return self._placed(name) if name in PLACES else self.class_members(name)[self.of_token]
        ends = np.zeros(len(self.tokens), dtype=bool)
        for phrase in rule.words:
            ends |= self._phrase(phrase)
        if rule.kind == "context":
            return self.in_items(ends)[self.item_of]
        return self._shifted(ends) if rule.kind == "after" else ends

    def _phrase(self, phrase: str) -> np.ndarray:
        """The last token of each occurrence, in either spelling of the first letter and with or without a space before."""
        ends = np.zeros(len(self.tokens), dtype=bool)
        spellings = {spelling for text in (phrase, phrase.capitalize(), phrase.lower()) for spelling in (text, f" {text}")}
        sequences = {self._words_of(text) for text in spellings}
        for words in sequences - {()}:
            found = np.ones(len(self.tokens), dtype=bool)
            for back, word in enumerate(reversed(words)):
                found &= self._shifted(self._is_word(word), back)
            ends |= found
        return ends

    def _words_of(self, text: str) -> tuple[str, ...]:
        """The tokens of a text as words; none where the vocabulary lacks a part of it."""
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        if self._unknown in ids:
            return ()
        return tuple(filter(None, (piece.strip().lower() for piece in piece_texts(self.tokenizer, ids))))

    @cached_property
    def _unknown(self) -> int | None:
        """The token that stands for all that the vocabulary lacks; byte-level vocabularies lack nothing."""
        name = getattr(self.tokenizer.model, "unk_token", None)
        return self.tokenizer.token_to_id(name) if name else None

    def _is_word(self, word: str) -> np.ndarray:
        members = np.zeros(len(self.pieces), dtype=bool)
        members[self._numbers_of.get(word, [])] = True
        return members[self.of_token]

    @cached_property
    def _numbers_of(self) -> dict[str, list[int]]:
        """By word, the numbers of the pieces that read so."""
        by_word: dict[str, list[int]] = {}
        for number, word in enumerate(self.words):
            by_word.setdefault(word, []).append(number)
        return by_word

    def _shifted(self, mask: np.ndarray, by: int = 1) -> np.ndarray:
        """The tokens `by` behind true ones, within their texts."""
        if by == 0:
            return mask
        moved = np.zeros_like(mask)
        moved[by:] = mask[:-by] & (self.item_of[by:] == self.item_of[:-by])
        return moved

    def _placed(self, name: str) -> np.ndarray:
        if name == "tokens seen before in the text":
            return self._seen_before()
        if name == "starts of a line":
            return self._shifted(self._each(lambda piece: piece.rstrip(" \t").endswith("\n")) > 0)
        if name == "starts of a sentence":
            return self._shifted(self._each(lambda piece: piece.strip().endswith((".", "!", "?"))) > 0)
        if name == "inside brackets":
            return self._before(lambda piece: sum(map(piece.count, "([{")) - sum(map(piece.count, ")]}"))) > 0
        return self._before(lambda piece: sum(map(piece.count, '"“”'))) % 2 == 1  # inside quotation marks

    def _each(self, number: Callable[[str], int]) -> np.ndarray:
        """A number of each token's text, int32 (total,)."""
        return np.fromiter(map(number, self.pieces), dtype=np.int32, count=len(self.pieces))[self.of_token]

    def _before(self, number: Callable[[str], int]) -> np.ndarray:
        """The sum of the numbers of the tokens before each token in its text, int64 (total,)."""
        values = self._each(number)
        sums = np.cumsum(values, dtype=np.int64) - values
        starts = np.minimum(self.starts[:-1], max(0, len(sums) - 1))
        return sums - sums[starts][self.item_of]

    def _seen_before(self) -> np.ndarray:
        pairs = self.item_of.astype(np.int64) * len(self.pieces) + self.of_token
        seen = np.ones(len(self.tokens), dtype=bool)
        seen[np.unique(pairs, return_index=True)[1]] = False
        return seen
