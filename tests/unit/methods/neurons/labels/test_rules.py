"""Rules are read back as they are written, classes hold what their names say, and free text is refused with the way out."""

from __future__ import annotations

import pytest

from backend.methods.neurons.labels.rules import Rule, is_rule, read_rule
from backend.methods.neurons.labels.token_classes import NAMES, PATTERNS, PLACES, WORDS, in_class
from backend.methods.params import ParameterError

RULES = [
    (Rule("words", ("Monday",)), "“Monday”"),
    (Rule("words", ("Monday", "Tuesday", "or else, no")), "“Monday”, “Tuesday” or “or else, no”"),
    (Rule("after", ("of", "out of")), "the token after “of” or “out of”"),
    (Rule("context", ("calendar",)), "text with “calendar”"),
    (Rule("seen as", ("3", "tabby, tabby cat")), "images seen as “3” or “tabby, tabby cat”"),
    (Rule("class", ("numbers",)), "numbers"),
]


@pytest.mark.parametrize(("rule", "text"), RULES)
def test_a_rule_is_read_back_as_written(rule: Rule, text: str) -> None:
    assert rule.text == text
    assert read_rule(text) == rule
    assert read_rule(text.replace("“", '"').replace("”", '"')) == rule


def test_a_rule_of_words_is_named_without_its_quotes() -> None:
    assert [rule.name for rule, _ in RULES[:3]] == [
        "Monday",
        "Monday, Tuesday or or else, no",
        "the token after “of” or “out of”",
    ]
    assert RULES[5][0].name == "numbers"


@pytest.mark.parametrize("text", ["names of weekdays", "", "“Monday", "“Monday” and so on", "text with calendar", "“”"])
def test_what_is_no_rule_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(ParameterError, match="nothing that a test can match. Quote words .* or rate examples"):
        read_rule(text)
    assert not is_rule(text)


def test_too_many_phrases_are_refused() -> None:
    with pytest.raises(ParameterError, match="9 phrases; the limit is 8"):
        read_rule(Rule("words", tuple("abcdefghi")).text)


def test_there_are_about_a_hundred_classes_and_every_one_is_a_rule() -> None:
    assert len(set(NAMES)) == len(NAMES) == len(PATTERNS) + len(WORDS) + len(PLACES)
    assert 100 <= len(NAMES) <= 160
    assert all(read_rule(name) == Rule("class", (name,)) for name in NAMES)


@pytest.mark.parametrize(
    ("name", "members", "others"),
    [
        ("numbers", (" 7", "12", "3.14"), (" a1", "one", ".")),
        ("years", ("1984", " 2023"), ("1200", "198")),
        ("words in capitals", (" NASA", "HTTP"), (" N", "Nasa", " A1")),
        ("capitals inside words", ("ValueError", " camelCase"), ("Value", "NASA")),
        ("words in -ing", (" walking", "Sing"), ("ing", " kingdom", " ing")),
        ("line breaks", ("\n", "\n\n", "\n    "), (" ", "a\n")),
        ("blank lines", ("\n\n", " \n \n"), ("\n",)),
        ("opening brackets", (" (", "[", "({"), (")", "()")),
        ("contractions", ("'s", "’t"), ("s", "'")),
        ("letters with accents", (" café", "ä", "où"), (" cafe", "ж")),
        ("Cyrillic letters", (" привет",), (" hello", "α")),
        ("Chinese characters", ("中文",), ("か", "a")),
        ("parts of a character", ("⟨E6⟩", " ⟨E6⟩⟨97⟩"), ("a", "⟨")),
        ("weekdays", (" Monday", "FRIDAY"), (" month", " mon day")),
        ("forms of to be", (" is", "Were"), (" island",)),
        ("German function words", (" für", "Der"), (" four",)),
    ],
)
def test_classes_hold_what_their_names_say(name: str, members: tuple[str, ...], others: tuple[str, ...]) -> None:
    assert [piece for piece in members if not in_class(name, piece)] == []
    assert [piece for piece in others if in_class(name, piece)] == []
