"""The two halves of each language's text share no sequence, and batches hold every sequence once."""

from __future__ import annotations

import numpy as np
import pytest

from backend.data.token_corpus import TokenCorpus
from backend.methods.neurons.languages.change import Sequences, by_language, interval, own_less_others, resampled
from backend.methods.neurons.languages.halves import batches, language_halves
from backend.methods.params import ParameterError


def made(lengths: list[int], sources: list[int]) -> TokenCorpus:
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    names = tuple(f"language {number}" for number in range(max(sources) + 1))
    return TokenCorpus(np.arange(starts[-1], dtype=np.int32), starts, names, np.array(sources, dtype=np.int32))


def test_halves_are_apart_and_of_their_language() -> None:
    corpus = made([20] * 60, [0] * 40 + [1] * 17 + [2] * 3)
    halves = language_halves(corpus, 10_000, 10_000, 0, "x")
    assert halves.languages == ("language 0", "language 1")  # three sequences are too few
    for number, (chosen, held_out) in enumerate(zip(halves.chosen, halves.held_out, strict=True)):
        assert not set(chosen) & set(held_out)
        assert set(corpus.source_of[[*chosen, *held_out]]) == {number}
    assert [len(part) for part in halves.chosen] == [20, 8]
    assert [len(part) for part in halves.held_out] == [20, 9]


def test_a_half_ends_when_it_has_its_tokens() -> None:
    halves = language_halves(made([20] * 80, [0] * 40 + [1] * 40), 100, 45, 0, "x")
    assert [len(part) for part in halves.chosen] == [5, 5]
    assert [len(part) for part in halves.held_out] == [3, 3]


@pytest.mark.parametrize("sources", [[0] * 40, list(range(10)) * 4 + [10 + n for n in range(60)] * 4])
def test_a_corpus_of_one_language_or_of_too_many_is_refused(sources: list[int]) -> None:
    with pytest.raises(ParameterError, match="corpus x has (1|70) sources .* between 2 and 40 are needed"):
        language_halves(made([9] * len(sources), sources), 100, 100, 0, "x")


def test_batches_hold_every_sequence_once_within_the_limit() -> None:
    lengths = np.random.default_rng(0).integers(8, 129, 200)
    items = np.arange(200)
    found = list(batches(items, lengths, 384))
    assert sorted(np.concatenate(found).tolist()) == items.tolist()
    assert all(lengths[batch].max() * len(batch) <= 384 for batch in found)


def test_the_change_is_a_mean_over_tokens_and_its_interval_one_over_sequences() -> None:
    sequences = Sequences(np.array([0] * 50 + [1] * 50), np.random.default_rng(1).integers(5, 100, 100))
    noise = np.random.default_rng(2).normal(0, 1, 100)
    summed = np.where(sequences.language == 0, 2.0, 0.0) * sequences.predicted + noise
    drawn = by_language(summed, sequences, resampled(sequences, 0))
    for language, expected in ((0, 2.0), (1, 0.0)):
        own = sequences.language == language
        assert drawn[0, language] == pytest.approx(summed[own].sum() / sequences.predicted[own].sum())
        found = interval(drawn[:, language])
        assert found.low < expected < found.high
    specific = interval(own_less_others(drawn, 0))
    assert 1.8 < specific.low < 2 < specific.high < 2.2
