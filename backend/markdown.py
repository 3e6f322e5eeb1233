"""Text of others, labels and file names, shown as the characters it is."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")


def literal(text: str, most: int = 80) -> str:
    """The text on one line, escaped for Streamlit's Markdown, cut after `most` characters; "…" where nothing can be seen."""
    visible = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(visible.split()) or "…"
    cut = line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
    return _SPECIAL.sub(r"\\\1", cut)
