"""The sidebar: models in words, the queue as it is, and leases renewed for what this visitor looks at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from streamlit.testing.v1 import AppTest

from backend.models.catalog import entry
from components import sidebar


@dataclass
class Status:
    """As the engine tells it."""

    device: str = "CPU, 2 cores"
    running: int = 0
    waiting: int = 0
    progress: float | None = None
    ready: bool = True
    problem: str | None = None


@dataclass
class StillEngine:
    """An engine that tells one status and notes whose leases were renewed."""

    told: Status = field(default_factory=Status)
    renewed: list[str] = field(default_factory=list)

    def status(self) -> Status:
        """What it was made to tell."""
        return self.told

    def renew(self, subscriptions: Iterable[str]) -> None:
        """Note them."""
        self.renewed += subscriptions


def _page() -> None:
    import streamlit as st

    from components.sidebar import sidebar

    st.session_state.subscriptions = ["a", "b"]
    sidebar()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> StillEngine:
    """The engine the sidebar sees."""
    still = StillEngine()
    monkeypatch.setattr(sidebar, "engine", lambda: still)
    return still


def test_a_model_is_told_by_its_size() -> None:
    assert sidebar.size_in_words(entry("efficientnet-lite0")) == "4.65 M parameters · 1,000 classes · 224²"
    assert sidebar.size_in_words(entry("digits-cnn")).endswith("10 classes · 8²")


def test_every_model_on_offer_can_be_chosen(engine: StillEngine) -> None:
    app = AppTest.from_function(_page).run()
    assert app.sidebar.selectbox(key="model").options[:2] == ["efficientnet-lite0", "digits-cnn"]
    app.sidebar.selectbox(key="model").set_value("digits-cnn").run()
    assert app.session_state.model == "digits-cnn"


def test_an_unknown_model_in_a_link_falls_back_to_the_default(engine: StillEngine) -> None:
    app = AppTest.from_function(_page)
    app.query_params["model"] = "no-such-model"
    assert app.run().session_state.model == "efficientnet-lite0"
    assert not app.exception


def test_leases_are_renewed_for_what_is_looked_at(engine: StillEngine) -> None:
    AppTest.from_function(_page).run()
    assert engine.renewed == ["a", "b"]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Status(), "Queue empty"),
        (Status(ready=False), "Loading the model"),
        (Status(device=""), "Looking for a device"),
    ],
)
def test_the_queue_says_what_it_is_doing(engine: StillEngine, told: Status, words: str) -> None:
    engine.told = told
    app = AppTest.from_function(_page).run()
    assert any(words in caption.value for caption in app.sidebar.caption)


def test_running_work_shows_its_progress(engine: StillEngine) -> None:
    engine.told = Status(running=1, waiting=2, progress=0.31)
    app = AppTest.from_function(_page).run()
    (bar,) = app.sidebar.get("progress")
    assert bar.proto.value == 31
    assert bar.proto.text == "Queue: 1 running, 2 waiting"


def test_a_problem_of_the_engine_is_an_error(engine: StillEngine) -> None:
    engine.told = Status(ready=False, problem="The weights are missing. Run `make run`.")
    assert "make run" in AppTest.from_function(_page).run().sidebar.error[0].value
