"""The page's side of the engine: what this browser session asked, kept by id, so that a rerun finds it again."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import streamlit as st

from backend.engine import engine
from backend.engine.job import Snapshot
from backend.methods.question import Question
from backend.methods.registry import Lane

_lock = threading.Lock()
_tended: dict[str, str] = {}  # question → subscription, of work that belongs to the whole machine and to no visitor


def _asked() -> dict[str, str]:
    return st.session_state.setdefault("asked", {})


def ask(question: Question, lane: Lane | None = None, *, keep: bool = True) -> Snapshot:
    """Subscribe this session to the question, once; the latest snapshot. Raises ParameterError, QueueFull."""
    known = look(question)
    if known is not None and known.state not in ("stopped", "failed"):
        return known
    _asked()[question.hash] = engine().ask(question, lane=lane, leased=True, keep=keep)
    _tell_sidebar()
    snapshot = look(question)
    assert snapshot is not None
    return snapshot


def look(question: Question) -> Snapshot | None:
    """The latest snapshot of a question this session asked; None where it did not."""
    _shown().add(question.hash)
    subscription = _asked().get(question.hash)
    return engine().look(subscription) if subscription else None


def wait(question: Question, seconds: float) -> Snapshot | None:
    """The snapshot once it is final, waiting at most `seconds`: for answers of one pass."""
    subscription = _asked().get(question.hash)
    if subscription is None:
        return None
    snapshot = engine().look(subscription)
    return snapshot if snapshot is None or snapshot.final else engine().wait_final(subscription, seconds)


def leave(questions: Iterable[Question]) -> None:
    """Stop following these questions; what nobody else follows stops at its next step. Their snapshots can still be read."""
    for question in questions:
        subscription = _asked().get(question.hash)
        if subscription:
            engine().leave(subscription)


def leave_all_but(questions: Iterable[Question]) -> None:
    """Forget every question but these: the page shows something else now."""
    wanted = {question.hash for question in questions}
    for name in [name for name in _asked() if name not in wanted]:
        engine().leave(_asked().pop(name))
    _tell_sidebar()


def begin_page() -> None:
    """Call before a page is drawn that ends with `leave_the_rest`."""
    _shown().clear()


def leave_the_rest() -> None:
    """Forget every question that was neither asked nor looked at since `begin_page`: the page shows something else now."""
    wanted = _shown()
    for name in [name for name in _asked() if name not in wanted]:
        engine().leave(_asked().pop(name))
    _tell_sidebar()


def tend(question: Question, *, keep: bool = False) -> Snapshot:
    """Start work in the background that goes on whatever its visitor does, until it ends or someone stops it for all.

    keep: whether the run is written to the archive. Raises ParameterError, QueueFull.
    """
    with _lock:
        known = _tended_snapshot(question)
        if known is None or known.state in ("stopped", "failed"):
            _tended[question.hash] = engine().ask(question, lane="background", leased=False, keep=keep)
        snapshot = _tended_snapshot(question)
    assert snapshot is not None
    return snapshot


def tended(question: Question) -> Snapshot | None:
    """Where tended work stands; None where nobody started it in this process."""
    with _lock:
        return _tended_snapshot(question)


def stop_tended(question: Question) -> None:
    """Stop tended work, for everybody."""
    with _lock:
        if question.hash in _tended:
            engine().leave(_tended[question.hash])


def _tended_snapshot(question: Question) -> Snapshot | None:
    subscription = _tended.get(question.hash)
    return engine().look(subscription) if subscription else None


def _shown() -> set[str]:
    return st.session_state.setdefault("shown", set())


def _tell_sidebar() -> None:
    st.session_state["subscriptions"] = list(_asked().values())
