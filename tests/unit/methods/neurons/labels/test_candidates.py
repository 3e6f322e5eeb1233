"""Candidates of hand-made examples: what they share is found, how rare it is comes from the whole corpus, chance is left out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from backend.methods.neurons.labels.candidates import candidates, expected_f1, ranked, union
from backend.methods.neurons.labels.firing import Firing, examples_of, firing, seen_items, share_above
from backend.methods.neurons.labels.rules import Rule, read_rule
from backend.methods.neurons.labels.text_places import TextPlaces
from backend.methods.neurons.unit import Unit
from backend.store.unit_index import Example, UnitRecord

UNIT = Unit("mlp.0", 0)
TUESDAY = Rule("words", ("Tuesday",))


def place_of(places: TextPlaces, rule: str) -> np.ndarray:
    """The tokens at which a rule is true."""
    return np.flatnonzero(places.true_at(read_rule(rule)))


def fired(places: TextPlaces, at: list[int], share: float) -> Firing:
    """Each place an example of its own."""
    number, items = np.arange(len(at)), frozenset(int(places.item_of[place]) for place in at)
    return Firing(np.array(at), np.full(len(at), 1 / len(at)), number, np.array(at), items, 1.0, share)


def record(values: list[tuple[int, int, float]], counts: np.ndarray | None = None) -> UnitRecord:
    """A record whose top examples are (item, place, value), each with the window 0.2 · value, value, 0.6 · value."""
    examples = tuple(
        Example(value, item, place, np.array([0.2, 1, 0.6], np.float32) * value, place - 1) for item, place, value in values
    )
    shape = np.zeros(64, np.uint32) if counts is None else counts
    return UnitRecord(
        shape, 0.0, 6.4, 0.0, 10.0, 0, 1, 0, 3, 0.5, {}, {"top": examples, "bottom": (Example(-1, 3, 2, np.empty(0), 2),)}
    )


@dataclass
class Index:
    """As much of an index as naming reads."""

    known: UnitRecord
    sampled_items: np.ndarray = field(default_factory=lambda: np.array([2], np.int32))

    def record(self, unit: Unit) -> UnitRecord:
        return self.known

    def sampled_values(self, unit: Unit) -> np.ndarray:
        return np.array([3.0], np.float32)

    def sampled_places(self, unit: Unit) -> np.ndarray:
        return np.array([4])


def test_words_that_examples_share_are_measured_against_the_corpus(text_places: TextPlaces) -> None:
    at = [*place_of(text_places, "“Monday”"), *place_of(text_places, "“Tuesday”")]
    found = {candidate.rule: candidate for candidate in candidates(text_places, fired(text_places, at, 0.02))}
    days = found[Rule("class", ("weekdays",))]
    assert days.share == pytest.approx(2 / 3)  # " monday" in small letters is two tokens, and neither is a weekday's
    assert days.base == pytest.approx(2 / text_places.counted.sum())
    assert days.information == pytest.approx(math.log(days.share / days.base))
    assert TUESDAY not in found  # one example has it


def test_words_are_joined_as_long_as_it_promises_more(text_places: TextPlaces) -> None:
    states, the = place_of(text_places, "“state”"), place_of(text_places, "“of”")
    found = fired(text_places, [*states, *the], share=(len(states) + len(the)) / text_places.counted.sum())
    measured = list(candidates(text_places, found))
    joined = union(text_places, found, measured)
    assert joined is not None
    assert set(joined.rule.words) == {"state", "of"}
    assert joined.share == pytest.approx(1)
    assert joined.expected == pytest.approx(1)
    assert ranked([*measured, joined])[0] == joined


def test_what_is_everywhere_promises_little_and_meaning_moves_ranks_a_little(text_places: TextPlaces) -> None:
    assert expected_f1(share=1.0, base=0.5, rate=0.01) == pytest.approx(2 * 0.02 / 1.02)
    assert expected_f1(share=1.0, base=0.01, rate=0.01) == 1
    assert expected_f1(share=0.0, base=0.1, rate=0.1) == 0
    states = place_of(text_places, "“state”")
    found = list(candidates(text_places, fired(text_places, list(states), 0.05)))
    best = ranked(found)[0]
    worse = next(candidate for candidate in ranked(found) if candidate.expected < best.expected - 0.3)
    close = ranked(found, {best.rule: 0.0, worse.rule: 0.2})
    assert close[0].rule == best.rule


def test_strong_places_come_from_windows_and_from_the_drawn_items(text_places: TextPlaces) -> None:
    index = Index(record([(0, 5, 5.0), (1, 3, 4.0), (3, 2, 2.0)]))
    found = firing(index, UNIT, text_places.starts)  # type: ignore[arg-type]
    assert found is not None
    assert found.threshold == 2.5
    first, second, drawn = text_places.starts[0], text_places.starts[1], text_places.starts[2]
    assert found.places.tolist() == [first + 5, first + 6, second + 3, drawn + 4]  # 0.6 · 5 is above, 0.6 · 4 is not
    assert found.weights == pytest.approx([1 / 6, 1 / 6, 1 / 3, 1 / 3])
    assert found.peaks.tolist() == [first + 5, second + 3, drawn + 4]
    assert seen_items(index, UNIT) == {0, 1, 2, 3}  # type: ignore[arg-type]
    assert [example.item for example in examples_of(index, UNIT)] == [0, 1, 2, 3]  # type: ignore[arg-type]


def test_a_unit_that_never_fires_has_no_strong_places(text_places: TextPlaces) -> None:
    index = Index(record([(0, 5, -0.5)]), np.array([], np.int32))
    index.sampled_values = lambda unit: np.array([], np.float32)  # type: ignore[method-assign]
    index.sampled_places = lambda unit: np.array([], np.int64)  # type: ignore[method-assign]
    assert firing(index, UNIT, text_places.starts) is None  # type: ignore[arg-type]


def test_the_share_above_a_threshold_is_that_of_the_values() -> None:
    values = np.random.default_rng(0).exponential(1.0, 100_000)
    low, high = 0.0, 6.4
    counts = np.histogram(np.clip(values, low, high - 1e-9), 64, (low, high))[0].astype(np.uint32)
    known = record([], counts)
    for threshold in (0.35, 1.0, 3.14):
        assert share_above(known, threshold) == pytest.approx((values > threshold).mean(), abs=2e-3)
    assert share_above(known, 11.0) == 0
    assert share_above(known, -1.0) == 1
