"""Answers that a card waits for: asked once, drawn when they are there, and one look at all of them turns the page over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from backend.engine.job import Snapshot
from backend.engine.stepping import QueueFull
from backend.methods.params import ParameterError
from backend.methods.question import Question
from backend.methods.registry import method_named
from components import jobs
from pages.neurons.scene import Scene

WATCH_SECONDS = 0.4
_WAITING = "neurons_waiting"
Ready = Callable[[Any], bool]


@dataclass(frozen=True)
class Answer:
    """What is known of a question: its value, partial ones too; or why there is none; or how far the work is."""

    value: Any = None
    problem: str = ""
    done: int = 0
    total: int = 0

    @property
    def awaited(self) -> bool:
        """Whether there is nothing to show yet, and no reason why there never will be."""
        return self.value is None and not self.problem


def begin() -> None:
    """Call before the sections of a card are drawn."""
    st.session_state[_WAITING] = []


def answer(scene: Scene, question: Question, ready: Ready = lambda value: True, *, keep: bool = True) -> Answer:
    """Ask, and take what is there of it now. `ready` says whether a partial value holds what will be shown; `keep` archives it.

    A question that failed is not asked again before the reader changes something. Nothing is asked before the model is loaded.
    """
    if scene.card is None:
        return Answer()
    misfit = method_named(question.method).misfit(scene.card)
    if misfit:
        return Answer(problem=misfit)
    try:
        known = jobs.look(question)
        snapshot = known if known is not None and known.state == "failed" else jobs.ask(question, keep=keep)
    except (ParameterError, QueueFull) as error:
        return Answer(problem=str(error))
    found = _answer_of(snapshot, ready)
    if found.awaited:
        st.session_state.setdefault(_WAITING, []).append((question, ready))
    return found


def watch() -> None:
    """Call once the sections are drawn: draws the page anew when one of the answers they wait for is there."""
    waiting = st.session_state.get(_WAITING, [])
    if waiting:
        st.fragment(_watch, run_every=WATCH_SECONDS)(list(waiting))


def _watch(waiting: list[tuple[Question, Ready]]) -> None:
    snapshots = [(jobs.look(question), ready) for question, ready in waiting]
    if any(snapshot is None or not _answer_of(snapshot, ready).awaited for snapshot, ready in snapshots):
        st.rerun()


def _answer_of(snapshot: Snapshot, ready: Ready) -> Answer:
    if snapshot.value is not None and ready(snapshot.value):
        return Answer(snapshot.value, "", snapshot.done, snapshot.total)
    if snapshot.state in ("failed", "stopped"):
        return Answer(problem=f"{snapshot.reason} {snapshot.hint}".strip() or "The work was stopped before this was known.")
    return Answer(None, "", snapshot.done, snapshot.total)
