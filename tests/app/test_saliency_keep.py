"""Keeping on the saliency page: history and pins, comparing pinned maps, studies and their report."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from backend.store.runs import RunStore
from backend.store.studies import Studies
from components.report import study as report
from tests.app.conftest import HOSTILE
from tests.app.visit import Visit, plain

STUDY = '<script>alert("study")</script> *A & B*'


def _opened(part: str, **link: str) -> Visit:
    """The page with one of its expanders open."""
    visit = Visit(**link).settle()
    visit.app.session_state[part] = True
    return visit.run()


@pytest.fixture
def clean_store() -> None:
    """No pins and no studies of other tests."""
    for run in RunStore().history(1000, pinned=True):
        RunStore().pin(run.hash, False)
    for study in Studies().all():
        Studies().delete(study.id)


def test_the_history_lists_what_was_asked_with_its_cost(clean_store: None) -> None:
    visit = _opened("history_open", model="digits-cnn", methods="occlusion,gradient", explain="7")
    table = visit.app.main.dataframe[0].value
    mine = table[table["Question"] == "Why 7?"]
    assert {"Occlusion", "Gradient"} <= set(mine["Method"])
    assert (mine["Passes"] >= 1).all()
    assert all(thumbnail.startswith("data:image/") for thumbnail in mine["Photo"])


def test_a_line_of_the_history_opens_its_run(clean_store: None) -> None:
    visit = _opened("history_open", model="digits-cnn", methods="occlusion", explain="2")
    table = visit.app.main.dataframe[0].value
    address = table[(table["Question"] == "Why 2?") & (table["Method"] == "Occlusion")]["Open"].iloc[0]
    again = Visit(**dict(parse_qsl(address.split("?")[1]))).settle()
    assert again.title == "Why 2?"
    assert list(again.cards()) == ["occlusion"]


def test_a_line_of_an_operators_model_opens_its_run_too(clean_store: None, flat_model: str) -> None:
    visit = _opened("history_open", model=flat_model, methods="gradient", explain="1")
    table = visit.app.main.dataframe[0].value
    address = table[table["Question"] == f"Why {HOSTILE[1]}?"]["Open"].iloc[0]
    assert dict(parse_qsl(address.split("?")[1]))["model"] == flat_model


def test_pinned_maps_come_first_and_are_compared(clean_store: None, flat_model: str) -> None:
    first = Visit(model="digits-cnn", methods="gradient", explain="1").settle().press("Pin")
    assert any("pinned" in toast.value for toast in first.app.toast)
    Visit(model=flat_model, methods="gradient", explain="1").settle().press("Pin")
    visit = _opened("history_open", model="digits-cnn", methods="occlusion", explain="8")
    table = visit.app.main.dataframe[0].value
    assert list(table["Pin"][:2]) == [True, True]
    assert not table["Pin"][2:].any()
    pills = visit.labelled("button_group", "Compare pinned maps")
    assert {plain(option.content) for option in pills.proto.options} == {f"Gradient, Why {HOSTILE[1]}", "Gradient, Why 1"}
    pills.set_value([run.hash for run in RunStore().history(10, pinned=True)]).run()
    assert len([figure for figure in visit.figures() if figure["alt"].startswith("Pinned map")]) == 2


def test_a_study_is_made_filled_shared_reopened_and_deleted(clean_store: None, flat_model: str) -> None:
    visit = _opened("studies_open", model=flat_model, methods="gradient,occlusion", explain="1", against="2")
    visit.labelled("text_input", "New study").set_value(STUDY).run()
    visit.press("Create")
    assert any(STUDY in text for text in visit.texts)
    visit.press("Add these maps")
    (study,) = Studies().all()
    assert study.runs == 2
    page = report.study_report(Studies(), study.id)
    page = page.decode() if isinstance(page, bytes) else page
    assert "<script" not in page.lower()
    assert "&lt;script&gt;" in page
    assert "<b>nought" not in page
    assert HOSTILE[1] in page
    assert "Gradient" in page
    assert "Occlusion" in page
    opened = next(button for button in visit.app.main.button if (button.key or "").startswith(f"open_{study.id}"))
    assert HOSTILE[1] in plain(opened.label)
    opened.click()
    visit.run()
    visit.settle()
    assert len(visit.cards()) == 1
    visit.press("Delete the study")
    assert not Studies().all()
    assert not any(STUDY in text for text in visit.texts)


def test_two_studies_of_one_name_are_refused_in_words(clean_store: None) -> None:
    Studies().create("Cats")
    visit = _opened("studies_open", model="digits-cnn", methods="gradient")
    visit.labelled("text_input", "New study").set_value("Cats").run()
    visit.button("Create").click()
    visit.run()
    assert any("named “Cats” already" in plain(toast.value) for toast in visit.app.toast)
    assert len(Studies().all()) == 1
