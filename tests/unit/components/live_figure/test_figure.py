"""The live figure's Python side: what the browser says is read strictly, and nothing needs a running server to import."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from components.live_figure import Click, FigureState, figure
from components.live_figure.figure import read_state

BOX = {"type": "rect", "x0": 1, "x1": 2, "y0": 3, "y1": 4}


def test_nothing_done_is_nothing_read() -> None:
    assert read_state({}) == FigureState()
    assert read_state({"clicked": None, "drawn": None}) == FigureState()


def test_a_click_and_shapes_are_read() -> None:
    state = read_state(
        {"clicked": {"x": 1, "y": 2.5, "trace": 0, "customdata": 285}, "drawn": {"revision": "a", "shapes": [BOX]}}, "a"
    )
    assert state == FigureState(Click(1, 2.5, 0, 285), (BOX,))


def test_shapes_of_an_older_revision_are_gone() -> None:
    assert read_state({"drawn": {"revision": "a", "shapes": [BOX]}}, "b").shapes == ()


def _page() -> None:
    from components.live_figure import live_figure

    live_figure({"data": [], "layout": {}}, "one", 200, "An empty figure", on_select="rerun")


def test_a_page_draws_it_without_an_error() -> None:
    app = AppTest.from_function(_page).run()
    assert not app.exception
    assert not app.error


def test_without_set_up_the_page_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figure, "BUNDLE", figure.ASSETS / "missing.js")
    app = AppTest.from_function(_page).run()
    assert not app.exception
    assert "make run" in app.error[0].value


def test_callbacks_get_values_and_not_raw_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    answer = {"clicked": {"x": 0, "y": 1, "trace": 2}, "drawn": {"revision": None, "shapes": [BOX]}}
    monkeypatch.setattr(st, "session_state", {"one": answer})
    figure._call("one", None, seen.append, "clicked")
    figure._call("one", None, seen.append, "shapes")
    figure._call("one", None, "rerun", "clicked")
    assert seen == [Click(0, 1, 2), (BOX,)]
