"""How documents become sequences: nothing lost, nothing added, cut between paragraphs, none twice."""

from __future__ import annotations

import time

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing

from backend.data.documents import Document
from backend.data.token_corpus import LEAST, LONGEST, token_corpus

WORDS = {"[?]": 0, "[BOS]": 1, "[EOS]": 2} | {f"w{number}": number + 3 for number in range(500)}


def tokenizer(*, marked: bool = False) -> Tokenizer:
    made = Tokenizer(WordLevel(WORDS, unk_token="[?]"))
    made.pre_tokenizer = WhitespaceSplit()
    if marked:
        made.post_processor = TemplateProcessing(single="[BOS] $A [EOS]", special_tokens=[("[BOS]", 1), ("[EOS]", 2)])
    return made


def text(*numbers: int) -> str:
    return " ".join(f"w{number}" for number in numbers)


def test_long_documents_are_cut_and_nothing_is_lost() -> None:
    numbers = np.random.default_rng(0).integers(0, 500, 1_000)
    made = token_corpus([Document(text(*numbers), "a")], tokenizer())
    assert np.array_equal(made.tokens, numbers + 3)
    assert np.diff(made.starts).tolist() == [128] * 7 + [104]


def test_a_cut_falls_between_paragraphs_where_one_ends_in_good_time() -> None:
    paragraphs = [text(*range(start, start + 45)) for start in range(0, 180, 45)]
    made = token_corpus([Document("\n\n".join(paragraphs), "a")], tokenizer())
    assert np.diff(made.starts).tolist() == [90, 90]
    lines = "\n".join([text(*range(100)), text(*range(100, 200))])
    assert np.diff(token_corpus([Document(lines, "a")], tokenizer()).starts).tolist() == [100, 100]
    early = "\n\n".join([text(*range(20)), text(*range(20, 200))])  # too early: the sequence would be short for nothing
    assert np.diff(token_corpus([Document(early, "a")], tokenizer()).starts).tolist() == [128, 72]


def test_sequences_begin_with_what_the_tokenizer_adds_and_with_nothing_else() -> None:
    document = Document(text(*range(300)), "a")
    bare, marked = token_corpus([document], tokenizer()), token_corpus([document], tokenizer(marked=True))
    assert not {1, 2} & set(bare.tokens.tolist())
    for item in range(len(marked)):
        assert (marked.item(item)[0], marked.item(item)[-1]) == (1, 2)
        assert len(marked.item(item)) <= LONGEST
    assert [token for token in marked.tokens.tolist() if token > 2] == bare.tokens.tolist()


def test_repetitions_and_scraps_are_left_out_and_sources_kept() -> None:
    documents = [Document(text(*range(20)), "a"), Document(text(*range(20)), "b"), Document(text(*range(5)), "c")]
    made = token_corpus([*documents, Document(text(*range(30, 50)), "b")], tokenizer())
    assert [made.source(item) for item in range(len(made))] == ["a", "b"]
    assert min(np.diff(made.starts)) >= LEAST


def test_nothing_makes_nothing() -> None:
    made = token_corpus([], tokenizer())
    assert (len(made), made.tokens.size, made.starts.tolist()) == (0, 0, [0])


@pytest.mark.parametrize("line", ["w1 " * 400_000, "x" * 1_200_000])
def test_a_giant_line_is_read_in_parts(line: str) -> None:
    before = time.process_time()
    made = token_corpus([Document(line, "a")], tokenizer())
    assert time.process_time() - before < 20
    assert len(made) == 0 or np.diff(made.starts).max() <= LONGEST
