"""Ratings: one answer a rater and sample, of one version of a label, gone with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.methods.neurons.unit import Unit
from backend.store.label_words import LabelError
from backend.store.labels import Labels
from backend.store.ratings import Rating, Ratings, by_rater

ONE = Rating(7, "Ada", "documents 512", 1.5, 0.2, True)


def test_a_later_answer_takes_the_place_of_the_first() -> None:
    labels = Labels("lm", "r1")
    label = labels.add(Unit("mlp.0", 1), "days", author="Ada")
    ratings = Ratings(label)
    for rating in (ONE, replace(ONE, rater="Bo"), replace(ONE, item=8), replace(ONE, answer=False)):
        ratings.keep(rating)
    found = ratings.all("documents 512")
    assert len(found) == 3
    assert by_rater(found) == {"Ada": {7: False, 8: True}, "Bo": {7: True}}
    assert ratings.all("documents 768") == ()


def test_another_version_of_the_words_is_another_question() -> None:
    labels = Labels("lm", "r1")
    label = labels.add(Unit("mlp.0", 1), "days", author="Ada")
    Ratings(label).keep(ONE)
    edited = labels.edit(label.id, "weekdays", author="Ada")
    assert Ratings(edited).all(ONE.drawn) == ()
    back = labels.undo(label.id)
    assert back is not None
    assert Ratings(back).all(ONE.drawn) == (ONE,)


def test_a_rater_needs_a_name() -> None:
    label = Labels("lm", "r1").add(Unit("mlp.0", 1), "days", author="Ada")
    with pytest.raises(LabelError, match="has 0 characters"):
        Ratings(label).keep(replace(ONE, rater=" "))
