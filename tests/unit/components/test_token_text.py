"""A token as it can be read: nothing invisible, nothing that acts on its neighbours."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.token_text import STACKED, visible


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (" Monday", "·Monday"), ("\n\n", "↵↵"), ("\t", "⇥"), ("\x00", "␀"), ("\x85", "⟨0085⟩"), ("", "∅"), ("\xa0", "·"),
        ("\u202eabc", "⟨202E⟩abc"), ("\u0301", "◌\u0301"), ("e\u0301", "e\u0301"), ("\u0301a", "◌\u0301a"), ("\ud800", "⟨D800⟩"),
        ("👩\u200d💻", "👩\u200d💻"), ("\u200d", "⟨200D⟩"), ("العربية", "العربية"),
        ("<b>", "<b>"), ("\u2028", "↵"), ("\ufeff", "⟨FEFF⟩"),
    ],
)  # fmt: skip
def test_what_is_shown(token: str, shown: str) -> None:
    assert visible(token) == shown


def test_marks_do_not_pile_up() -> None:
    assert visible("a" + "\u0301" * 50) == "a" + "\u0301" * STACKED


def test_a_long_token_is_cut_and_says_so() -> None:
    assert visible("x" * 61) == "x" * 60 + "…"
    assert visible("x" * 60) == "x" * 60


@given(st.text())
def test_no_text_can_turn_hide_or_break_the_line(token: str) -> None:
    shown = visible(token)
    assert shown
    joiners = {"\u200c", "\u200d"}
    assert all(character.isprintable() or character in joiners for character in shown)
    assert not unicodedata.category(shown[0]).startswith("M")
    turning = {"RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI"}
    assert turning.isdisjoint(unicodedata.bidirectional(character) for character in shown)
