"""Text of others, labels and file names, shown as the characters it is."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")


def literal(text: str, most: int = 80) -> str:
    """The text escaped for Streamlit's Markdown, control characters gone, cut after `most` characters."""
    visible = "".join(character if character.isprintable() else " " for character in text)
    cut = visible if len(visible) <= most else visible[: most - 1] + "…"
    return _SPECIAL.sub(r"\\\1", cut)
