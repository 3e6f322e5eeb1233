"""Rules found in real text: the tokens they are true at, against the same told token by token."""

from __future__ import annotations

import numpy as np
import pytest

from backend.methods.neurons.labels.rules import Rule, read_rule
from backend.methods.neurons.labels.text_places import TextPlaces
from backend.methods.neurons.labels.token_classes import NAMES, PLACES, in_class


def found(places: TextPlaces, rule: str) -> list[tuple[int, str]]:
    """Text number and piece of each token at which a rule is true."""
    mask = places.true_at(read_rule(rule))
    return [(int(places.item_of[at]), places.pieces[places.of_token[at]]) for at in np.flatnonzero(mask)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("“Monday”", [(0, " Monday"), (1, "onday")]),  # in small letters it is two tokens; the last one counts
        ("“Tuesday” or “town hall”", [(0, " hall"), (1, " Tuesday")]),
        ("the token after “of the”", [(3, " art"), (3, " state")]),
        ("“the state”", [(3, " state"), (3, " state")]),
        ("question words", []),
        ("weekdays", [(0, " Monday"), (1, " Tuesday")]),
        ("inside brackets", [(0, piece) for piece in ("in", " the", " old", " town", " hall", ")")] + [
            (2, piece) for piece in ("values", "):", "values", ")")
        ]),
        ("inside quotation marks", [(1, "never"), (1, " again"), (1, '"')]),
        ("starts of a line", [(2, " return")]),
        ("starts of a sentence", [(1, " Nobody")]),
    ],
)  # fmt: skip
def test_rules_are_true_where_a_reader_sees_them(text_places: TextPlaces, rule: str, expected: list[tuple[int, str]]) -> None:
    assert found(text_places, rule) == expected


def test_a_context_holds_for_all_of_its_text(text_places: TextPlaces) -> None:
    mask = text_places.true_at(read_rule("text with “Tuesday”"))
    assert (mask == ((text_places.item_of == 1) & text_places.counted)).all()


def test_repeated_tokens_are_those_a_loop_finds(text_places: TextPlaces) -> None:
    expected, seen = [], set()
    for at, token in enumerate(text_places.tokens):
        pair = (int(text_places.item_of[at]), int(token))
        expected.append(pair in seen)
        seen.add(pair)
    mask = text_places.true_at(Rule("class", ("tokens seen before in the text",)))
    assert (mask == (np.array(expected) & text_places.counted)).all()
    assert mask.any()


def test_every_class_is_that_of_its_pieces(text_places: TextPlaces) -> None:
    for name in set(NAMES) - set(PLACES):
        expected = [in_class(name, text_places.pieces[number]) for number in text_places.of_token]
        assert (text_places.true_at(Rule("class", (name,))) == (np.array(expected) & text_places.counted)).all()


def test_the_first_token_of_a_text_never_counts(text_places: TextPlaces) -> None:
    assert (~text_places.counted).sum() == text_places.items
    assert not text_places.true_at(read_rule("“On”"))[0]
    assert text_places.share(read_rule("weekdays")) == 2 / text_places.counted.sum()


def test_a_window_stays_in_its_text(text_places: TextPlaces) -> None:
    end = int(text_places.starts[1]) - 1
    assert text_places.window(end, before=2, after=9) == " and talked."
    assert text_places.window(int(text_places.starts[1]), before=9, after=1) == "He said"
