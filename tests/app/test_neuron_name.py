"""Is the name right? On the card with the real engine: proposed, tested, renamed, voted on, rated, withdrawn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

import backend
from backend.data.corpora import corpus
from backend.engine import engine
from backend.methods.neurons.labels.rules import read_rule
from backend.methods.neurons.unit import Unit
from backend.methods.question import ModelRef
from backend.models import catalog
from backend.store.labels import Labels
from tests.app.visit import Visit
from tests.unit.methods.neurons.labels import planted_corpus
from tests.unit.methods.neurons.planted_transformer import DETECTORS, PLAN, build

MODEL = "planted names"
COLOURS, ANIMALS = (set(DETECTORS["mlp.0", unit][0]) for unit in (0, 1))


@pytest.fixture(scope="module", autouse=True)
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The planted transformer on offer, with its index over texts in its words."""
    folder = tmp_path_factory.mktemp("data") / "named"
    folder.mkdir()
    planted_corpus.write(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITRINE_DATA", str(folder))
        catalog.add_language_model(MODEL, lambda: build(PLAN))
        backend.run("neuron_index", model=MODEL, sample=corpus("folder-named"))
        yield
        del catalog._operator.languages[MODEL]


def _card(unit: str) -> Visit:
    return Visit("neurons", model=MODEL, corpus="folder-named", unit=unit)


def _labels() -> Labels:
    return Labels(MODEL, engine().workshop.card(ModelRef(MODEL)).revision)


def test_a_machines_name_is_proposed_tested_and_kept() -> None:
    visit = _card("mlp.0:0").settle()
    assert visit.has_button("Test the name")
    (label,) = _labels().of(Unit("mlp.0", 0))
    assert (label.source, set(read_rule(label.rule).words)) == ("machine", COLOURS)
    visit.press("Test the name").settle()
    assert any(text.startswith("The name holds. F1 1.00 (1.00 to 1.00); names of other units") for text in visit.texts)
    assert any("raises what it writes by +" in text for text in visit.texts)
    scores = next(figure for figure in visit.figures() if figure["alt"].startswith("The name holds"))
    assert scores["traces"][0]["x"] == [1, 1, 1]
    assert len(scores["layout"]["shapes"]) == 3
    kept = _labels().of(Unit("mlp.0", 0))[0].test
    assert (kept["f1"], kept["f1_verdict"]) == (1.0, "beats the control")
    again = _card("mlp.0:0").settle()  # another visitor finds the test without asking for it
    assert any(text.startswith("The name holds.") for text in again.texts)


def test_a_person_renames_and_what_cannot_be_matched_is_told() -> None:
    visit = _card("mlp.0:1").settle()
    visit.labelled("text_input", "Name").set_value("household <b>animals</b>")
    visit.labelled("text_input", "Tested as").set_value("cats and dogs")
    _named(visit, "Ada")
    visit.press("Save")
    assert any("is nothing that a test can match" in problem for problem in visit.problems)
    visit.labelled("text_input", "Tested as").set_value("")
    visit.press("Save").settle()
    first, machine = _labels().of(Unit("mlp.0", 1))
    assert (first.text, first.author, first.rule, first.agree) == ("household <b>animals</b>", "Ada", "", 1)
    assert set(read_rule(machine.rule).words) == ANIMALS
    assert visit.title == "“household <b>animals</b>”"
    assert any(text.startswith("No test can match these words") for text in visit.texts)
    visit.labelled("text_input", "Tested as").set_value("“cat” or “dog”")
    visit.press("Save").settle()
    edited = _labels().of(Unit("mlp.0", 1))[0]
    assert (edited.id, edited.version, edited.rule) == (first.id, 2, "“cat” or “dog”")
    assert visit.has_button("Test the name")


def test_votes_and_the_way_back() -> None:
    visit = _card("mlp.1:0").settle()
    (label,) = _labels().of(Unit("mlp.1", 0))
    assert visit.button("Agree").disabled
    _named(visit, "Bo")
    visit.run()
    visit.press("Agree")
    assert _labels().label(label.id).agree == 1
    visit.press("Withdraw").settle()
    assert _labels().of(Unit("mlp.1", 0)) == ()  # and the machine does not write it again
    assert "Name it" in [block.proto.popover.label for block in _popovers(visit.app.main)]


def test_twenty_samples_are_rated_blindly_and_give_a_correlation() -> None:
    visit = _card("mlp.0:0").settle()
    visit.press("Rate 20 examples")
    assert all(button.disabled for button in _dialog(visit).button)
    next(field for field in _dialog(visit).text_input if field.label == "Your name").set_value("Ada")
    visit.run()
    asked = 0
    while _pressable(visit, "It fits"):
        html = "".join(block.proto.body for block in _dialog(visit).get("html"))
        words = set(re.findall(r"[a-z]+", re.sub(r"<[^>]+>", " ", html)))
        wanted = "It fits" if words & COLOURS else "It does not"
        _pressable(visit, wanted)[0].click()
        visit.run()
        asked += 1
        assert asked <= 20
    assert asked >= 8
    _pressable(visit, "Close")[0].click()
    visit.run().settle()
    assert any("correlation with the activation" in text and "1 rater" in text for text in visit.texts)


def _popovers(block: Any) -> Iterator[Any]:
    for child in getattr(block, "children", {}).values():
        if child.type == "popover":
            yield child
        yield from _popovers(child)


def _dialog(visit: Visit) -> Any:
    """What is in the open dialog: it stands in a tree of its own."""
    return visit.app._tree[2]


def _pressable(visit: Visit, label: str) -> list[Any]:
    return [button for button in _dialog(visit).button if button.label == label]


def _named(visit: Visit, name: str) -> None:
    for widget in visit.app.main.get("text_input"):
        if widget.label == "Your name":
            widget.set_value(name)
