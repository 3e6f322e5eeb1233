"""What may be written as a label or an author's name: one line, visible, of limited length."""

from __future__ import annotations

from backend import limits


class LabelError(ValueError):
    """A label that cannot be written so; the message names the value and the limit."""


def checked_line(text: str) -> str:
    """The text on one line, without characters that cannot be seen. Raises LabelError where it is too long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if len(line) > limits.LABEL_CHARACTERS:
        raise LabelError(f"“{line[:20]}…” has {len(line)} characters; the limit is {limits.LABEL_CHARACTERS}.")
    return line


def checked_text(text: str) -> str:
    """A label's text. Raises LabelError where it is empty or too long."""
    line = checked_line(text)
    if not line:
        raise LabelError("A label needs at least one letter.")
    return line


def checked_author(author: str) -> str:
    """An author's or voter's name. Raises LabelError where it is empty or too long."""
    line = checked_line(author)
    if not 1 <= len(line) <= limits.AUTHOR_CHARACTERS:
        raise LabelError(f"The author's name has {len(line)} characters; it must have 1 to {limits.AUTHOR_CHARACTERS}.")
    return line
