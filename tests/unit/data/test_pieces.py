"""Pieces: joined, they are the text again, for every kind of vocabulary; parts of characters are told apart."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from backend import places
from backend.data.pieces import piece_texts


@pytest.fixture(scope="module")
def smollm2() -> Tokenizer:
    return Tokenizer.from_file(str(places.models() / "smollm2-135m-instruct" / "tokenizer.json"))


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False).ids


def _bytes(pieces: tuple[str, ...]) -> bytes:
    """The pieces as bytes, numbers read back."""
    parts = re.split(r"⟨([0-9A-F]{2})⟩", "".join(pieces))
    return b"".join(bytes([int(part, 16)]) if place % 2 else part.encode() for place, part in enumerate(parts))


def test_words_keep_their_spaces(smollm2: Tokenizer) -> None:
    assert piece_texts(smollm2, _ids(smollm2, " Monday or\n\nTuesday")) == (" Monday", " or", "\n", "\n", "Tuesday")


def test_parts_of_a_character_read_as_bytes(smollm2: Tokenizer) -> None:
    assert piece_texts(smollm2, _ids(smollm2, "日本")) == ("⟨E6⟩⟨97⟩", "⟨A5⟩", "本")


# The vocabulary lacks six control characters and the bytes of planes 4 to 16, and drops them without a word.
@given(text=st.text(st.characters(max_codepoint=0x3FFFF, exclude_characters="⟨\4\6\x13\x14\x16\x1d", codec="utf-8"), max_size=40))
def test_pieces_joined_are_the_text(smollm2: Tokenizer, text: str) -> None:
    assert _bytes(piece_texts(smollm2, _ids(smollm2, text))) == text.encode()


def test_special_tokens_are_their_names_and_strange_ids_say_so(smollm2: Tokenizer) -> None:
    assert piece_texts(smollm2, [1, 10**6]) == ("<|im_start|>", "⟨id 1000000⟩")


def test_sentence_pieces_have_spaces_and_bytes() -> None:
    vocabulary = {"▁the": 0, "y": 1, "<0xE6>": 2, "<0x41>": 3, "<unk>": 4}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True))
    tokenizer.decoder = decoders.Metaspace()
    assert piece_texts(tokenizer, [0, 1, 2, 3]) == (" the", "y", "⟨E6⟩", "A")


def test_words_of_a_plain_vocabulary_stay_as_they_are() -> None:
    tokenizer = Tokenizer(models.WordLevel({"Ġodd": 0, "é": 1}, unk_token="é"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    assert piece_texts(tokenizer, [0, 1]) == ("Ġodd", "é")
