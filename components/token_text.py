"""A token's text as it can be read: white space, control and direction characters made visible, one line, never too long."""

from __future__ import annotations

import unicodedata

MOST = 60  # characters of one token
STACKED = 4  # combining marks on one letter; more would run into the lines above
_SIGNS = {" ": "·", "\n": "↵", "\r": "␍", "\t": "⇥", "\x7f": "␡", "\u2028": "↵", "\u2029": "↵"}
_JOINERS = "\u200c\u200d"


def visible(text: str, most: int = MOST) -> str:
    """The token as plain text: a space reads ·, a line break ↵, a control character its picture, nothing at all ∅.

    Direction and other invisible characters read as their number, "⟨202E⟩"; a leading combining mark stands on a dotted
    circle, so that it cannot change the token before. At most `most` characters of the token are shown. Plain text: it
    still has to be escaped wherever markup is read.
    """
    if not text:
        return "∅"
    shown = text[:most]
    parts = [_sign(shown, place) for place in range(len(shown))]
    start = "◌" if unicodedata.category(shown[0]).startswith("M") else ""
    return start + "".join(parts) + ("…" if len(text) > most else "")


def _sign(text: str, place: int) -> str:
    character = text[place]
    if character in _SIGNS:
        return _SIGNS[character]
    category = unicodedata.category(character)
    if category == "Cc":
        return chr(0x2400 + ord(character)) if ord(character) < 0x20 else _number(character)
    if category == "Zs":
        return "·"
    if character in _JOINERS and 0 < place < len(text) - 1:
        return character  # inside of a word or an emoji it is part of the writing
    if category in ("Cf", "Cs", "Co", "Cn"):
        return _number(character)
    if category.startswith("M") and _marks_before(text, place) >= STACKED:
        return ""
    return character


def _marks_before(text: str, place: int) -> int:
    count = 0
    while place - count > 0 and unicodedata.category(text[place - count - 1]).startswith("M"):
        count += 1
    return count


def _number(character: str) -> str:
    return f"⟨{ord(character):04X}⟩"
