"""Intervening on the saliency page: a region erased or kept, another photo beside, and what moves."""

from __future__ import annotations

import numpy as np

from backend.data.samples import samples
from backend.methods.question import Image
from tests.app.visit import Visit


def test_erasing_what_a_map_marks_brings_a_second_row_and_says_what_moved() -> None:
    visit = Visit(methods="grad_cam,gradient").settle()
    visit.press("Erase the 5").settle()
    assert list(visit.cards("beside")) == ["grad_cam", "gradient"]
    assert all(card.figure is not None for card in visit.cards("beside").values())
    (sentence,) = [text for text in visit.texts if " goes from " in text]
    before, after = _predictions(visit)
    index = visit.snapshot("gradient")[1].question.target.index
    assert f"goes from {before[index]:.2f} to {after[index]:.2f}" in sentence
    assert before[index] > after[index]
    visit.press("Put the region back").settle()
    assert not visit.cards("beside")
    assert "erase" not in visit.link


def _predictions(visit: Visit) -> tuple[np.ndarray, np.ndarray]:
    found = {bool(s.question.inputs.edits): s.value for s in visit.asked().values() if s.question.method == "prediction"}
    return found[False].probabilities, found[True].probabilities


def test_both_rows_are_asked_the_same_target_and_share_scales() -> None:
    visit = Visit(model="digits-cnn", methods="gradient,occlusion", erase="grey~erase~b0_0_4_8").settle()
    targets = {s.question.target for s in visit.asked().values() if isinstance(s.question.inputs, Image) and s.question.target}
    assert len(targets) == 1
    for name, card in visit.cards().items():
        assert card.figure["traces"][0]["zmax"] == visit.cards("beside")[name].figure["traces"][0]["zmax"]


def test_keeping_only_a_region_is_named_so() -> None:
    visit = Visit(model="digits-cnn", methods="gradient", erase="blur~keep~b2_2_6_6").settle()
    assert any(text == "Only the region kept" for text in visit.texts)


def test_another_photo_stands_beside_with_the_same_target() -> None:
    other = samples("digit")[3]
    visit = Visit(model="digits-cnn", methods="gradient", explain="0").settle()
    visit.labelled("selectbox", "Or put another photo beside it").set_value(other.name)
    visit.settle()
    assert visit.link["beside"] == other.name
    assert f"map for 0 over {other.title}" in visit.cards("beside")["gradient"].figure["alt"]


def test_erasing_takes_the_other_photo_away() -> None:
    visit = Visit(model="digits-cnn", methods="gradient", beside=samples("digit")[3].name).settle()
    visit.press("Erase the 5").settle()
    assert "beside" not in visit.link
    assert visit.cards("beside")


def test_nothing_can_be_erased_before_something_is_drawn() -> None:
    visit = Visit(model="digits-cnn", methods="gradient").settle()
    assert visit.button("Erase it").disabled
    assert visit.button("Keep only it").disabled
    assert any("Nothing is taken away yet" in text for text in visit.texts)
