"""Phrases: the tokens that the index shaded and no others, duplicates folded, pieces as they are."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer, models

from backend.data.token_corpus import TokenCorpus
from backend.store.unit_index import Example
from pages.neurons.phrases import item_ids, phrases, window_ids

WORDS = {"the": 0, "Monday": 1, "or": 2, "Tuesday": 3, "cat": 4}
CORPUS = TokenCorpus(
    tokens=np.array([0, 1, 2, 3, 0, 1, 2, 4, 4, 4], np.int32),
    starts=np.array([0, 4, 8, 10], np.int64),
    sources=("letters", "manual"),
    source_of=np.array([0, 1, 1], np.int32),
)


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer(models.WordLevel(WORDS, unk_token="the"))


def _example(value: float, item: int, place: int, start: int, *window: float) -> Example:
    return Example(value, item, place, np.array(window, np.float32), start)


def test_a_phrase_is_the_window_of_its_own_item(tokenizer: Tokenizer) -> None:
    (phrase,) = phrases([_example(5.0, 1, 1, 0, 0.5, 5.0, 1.0)], CORPUS, tokenizer)
    assert phrase.tokens == ("the", "Monday", "or")
    assert (phrase.peak, phrase.value, phrase.source, phrase.times) == (1, 5.0, "manual", 1)
    np.testing.assert_array_equal(phrase.values, np.array([0.5, 5.0, 1.0], np.float32))


def test_a_window_never_reaches_into_the_next_item() -> None:
    assert window_ids(_example(1.0, 0, 3, 2, 1.0, 1.0, 1.0, 1.0), CORPUS) == (2, 3)
    assert item_ids(2, CORPUS) == (4, 4)


def test_phrases_that_read_the_same_are_folded_into_the_strongest(tokenizer: Tokenizer) -> None:
    found = phrases(
        [_example(5.0, 0, 1, 0, 0.0, 5.0, 0.0), _example(4.9, 1, 1, 0, 0.0, 4.9, 0.0), _example(3.0, 2, 0, 0, 3.0)],
        CORPUS,
        tokenizer,
    )
    assert [(phrase.value, phrase.times) for phrase in found] == [(5.0, 2), (3.0, 1)]
    assert found[0].source == "letters"


def test_the_same_words_at_another_place_are_another_phrase(tokenizer: Tokenizer) -> None:
    assert len(phrases([_example(2.0, 0, 0, 0, 2.0), _example(1.0, 0, 1, 1, 1.0)], CORPUS, tokenizer)) == 2
