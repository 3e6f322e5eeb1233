"""The rooms that are not built yet: each asks its question, promises nothing it does not say, and leads back."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from components import sidebar
from tests.unit.components.test_sidebar import StillEngine

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = {
    "circuits": "Which parts carry the answer?",
    "steering": "What moves the model, and at what price?",
}


@pytest.fixture(autouse=True)
def _still_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    still = StillEngine()
    monkeypatch.setattr(sidebar, "engine", lambda: still)


def _room(name: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"))
    # As a first visit to /name: `switch_page` needs a run before, which would be of the saliency page.
    app._page_hash = calc_hash(name)
    return app.run(timeout=20)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_room_is_titled_by_its_question(name: str) -> None:
    app = _room(name)
    assert not app.exception
    assert app.header[0].value == QUESTIONS[name]


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_room_says_that_it_is_empty_and_what_will_be_there(name: str) -> None:
    app = _room(name)
    assert any("Not built yet" in text.value for text in app.markdown)
    assert [heading.value for heading in app.subheader] == ["What will be here", "What is planned", "Until then"]
    assert len([text for text in app.main.markdown if text.value.startswith("**:material/")]) == 3


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_room_draws_nothing_that_looks_like_a_result(name: str) -> None:
    app = _room(name)
    for kind in ("plotly_chart", "metric", "imgs", "arrow_data_frame", "bidi_component", "button"):
        assert not app.main.get(kind)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_room_leads_back_to_image_saliency(name: str) -> None:
    (link,) = _room(name).main.get("page_link")
    assert link.proto.label == "To image saliency"


def test_the_sidebar_is_on_every_page() -> None:
    app = _room("circuits")
    assert app.sidebar.selectbox(key="model").value == "efficientnet-lite0"
