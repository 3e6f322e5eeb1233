"""Tokens as texts of their own: what each piece of a tokenizer stands for, also where it is only a part of a character."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_METASPACE = "▁"


def piece_texts(tokenizer: Tokenizer, ids: Iterable[int]) -> tuple[str, ...]:
    """The text of each token by itself, spaces kept, where `Tokenizer.decode` would join, trim or replace.

    Byte-level and SentencePiece vocabularies are read back to characters; bytes that are no whole character read as their
    numbers, "⟨E6⟩"; a continuing WordPiece keeps its "##". An id outside of the vocabulary reads "⟨id 99⟩".
    """
    byte_level = "ByteLevel" in repr(tokenizer.decoder)
    special = {number: token.content for number, token in tokenizer.get_added_tokens_decoder().items()}
    return tuple(special.get(number) or _piece(tokenizer.id_to_token(number), number, byte_level) for number in map(int, ids))


def _piece(written: str | None, number: int, byte_level: bool) -> str:
    if written is None:
        return f"⟨id {number}⟩"
    byte = _BYTE.fullmatch(written)
    if byte:
        return _text(bytes([int(byte[1], 16)]))
    if byte_level and all(character in _bytes_of() for character in written):
        return _text(bytes(_bytes_of()[character] for character in written))
    return written.replace(_METASPACE, " ")


def _text(data: bytes) -> str:
    """The whole characters of the bytes, and numbers for the rest."""
    text = data.decode("utf-8", "surrogateescape")
    return "".join(f"⟨{ord(letter) - 0xDC00:02X}⟩" if 0xDC80 <= ord(letter) <= 0xDCFF else letter for letter in text)


@cache
def _bytes_of() -> dict[str, int]:
    """Which byte each character of a byte-level vocabulary stands for (Radford et al. 2019): printable Latin-1 as itself,
    the others in order from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + place): byte for place, byte in enumerate(others)}
