"""The sequences of each language, parted at random into a half to choose by and a half to report on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backend.data.token_corpus import TokenCorpus
from backend.methods.params import ParameterError

LEAST_SEQUENCES = 4  # of a language: two in each half
MOST_LANGUAGES = 40


@dataclass(frozen=True)
class LanguageHalves:
    """chosen, held_out: for each language the sequences used, int64, every one in one half at most."""

    languages: tuple[str, ...]
    chosen: tuple[np.ndarray, ...]
    held_out: tuple[np.ndarray, ...]


def language_halves(corpus: TokenCorpus, chosen_by: int, tested_on: int, seed: int, name: str) -> LanguageHalves:
    """Up to so many tokens of each source in either half. Raises ParameterError where the sources cannot be languages."""
    counts = np.bincount(corpus.source_of, minlength=len(corpus.sources))
    kept = [number for number in range(len(corpus.sources)) if counts[number] >= LEAST_SEQUENCES]
    if not 2 <= len(kept) <= MOST_LANGUAGES:
        raise ParameterError(
            f"The corpus {name[:40]} has {len(kept)} sources of {LEAST_SEQUENCES} sequences or more; "
            f"between 2 and {MOST_LANGUAGES} are needed, one a language."
        )
    generator, lengths = np.random.default_rng(seed), np.diff(corpus.starts)
    chosen, held_out = [], []
    for source in kept:
        drawn = generator.permutation(np.flatnonzero(corpus.source_of == source))
        half = len(drawn) // 2
        chosen.append(_up_to(drawn[:half], lengths, chosen_by))
        held_out.append(_up_to(drawn[half:], lengths, tested_on))
    return LanguageHalves(tuple(corpus.sources[number] for number in kept), tuple(chosen), tuple(held_out))


def _up_to(items: np.ndarray, lengths: np.ndarray, tokens: int) -> np.ndarray:
    """The first sequences until they hold as many tokens, two at least: one has no interval."""
    enough = int(np.searchsorted(np.cumsum(lengths[items]), tokens)) + 1
    return items[: max(2, enough)]


def batches(items: np.ndarray, lengths: np.ndarray, tokens: int) -> Iterator[np.ndarray]:
    """The sequences in batches of like lengths, each at most so many tokens with its padding, or one sequence."""
    batch: list[int] = []
    for item in items[np.argsort(lengths[items], kind="stable")]:
        if batch and int(lengths[item]) * (len(batch) + 1) > tokens:
            yield np.array(batch)
            batch = []
        batch.append(int(item))
    if batch:
        yield np.array(batch)


def total_tokens(parts: Sequence[np.ndarray], lengths: np.ndarray) -> np.ndarray:
    """Tokens of each language's sequences, int64 (languages,)."""
    return np.array([int(lengths[part].sum()) for part in parts])
