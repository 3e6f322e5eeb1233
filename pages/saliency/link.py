"""The browser's address as the page's one state: read at each run, written by each change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from backend.engine import engine
from backend.methods.params import ParameterError
from backend.methods.question import Image, ModelRef, Question, Runs
from backend.methods.registry import method_named
from backend.store.runs import RunGone, RunStore
from pages.saliency.view import NOT_VIEW, View, read, write

_LAST = "saliency_link"
_PROBLEMS = "saliency_problems"  # what was wrong with a run's link stays until the reader changes something


def current() -> tuple[View, list[str]]:
    """The view to show and what in the link could not be followed; an empty link brings back this session's last view."""
    link = {key: value for key, value in st.query_params.to_dict().items() if key not in NOT_VIEW}
    if "run" in st.query_params:
        run, st.session_state[_PROBLEMS] = _of_run(st.query_params.pop("run"))
        link = run or link
        arm()
        _put(link)
    elif not link and st.session_state.get(_LAST):
        link = st.session_state[_LAST]
        _put(link)
    view, unread = read(link, st.session_state.model)
    st.session_state[_LAST] = write(view)
    card = engine().workshop.card(ModelRef(view.model))
    return replace(view, revision=card.revision if card else ""), st.session_state.get(_PROBLEMS, []) + unread


def change(view: View, *, start: bool = False, **fields: Any) -> None:
    """Show the view with these fields changed from the next run on; `start` lets its methods start by themselves."""
    link = write(replace(view, **fields))
    st.session_state[_LAST] = link
    st.session_state.pop(_PROBLEMS, None)
    _put(link)
    if start:
        arm()


def arm() -> None:
    """Let the methods of the next run start without a press of Run."""
    st.session_state["armed"] = True


def armed() -> bool:
    """Whether methods may start by themselves in this run: on the first visit, and after `arm`."""
    first = "visited" not in st.session_state
    st.session_state["visited"] = True
    return bool(st.session_state.pop("armed", False)) or first


def open_text(text: str) -> str | None:
    """Follow a pasted link or a run's fingerprint; what is wrong with it in words, None where nothing is."""
    from urllib.parse import parse_qsl, urlsplit

    text = text.strip()
    parts = dict(parse_qsl(urlsplit(text).query)) if "?" in text else {"run": text}
    if "run" in parts:
        parts, problems = _of_run(parts["run"])
    else:
        _, problems = read(parts, st.session_state.model)
    if problems:
        return " ".join(problems)
    _put({key: value for key, value in parts.items() if key not in NOT_VIEW})
    arm()
    return None


def view_of(question: Question) -> View:
    """The view that shows one question about an image. Raises ParameterError for any other."""
    from backend.methods.params import to_text

    image = question.inputs
    if isinstance(image, Runs):
        return view_of(image.questions[0])
    if not isinstance(image, Image):
        raise ParameterError(f"That run is of {method_named(question.method).title}, which has no photo to show here.")
    target = question.target
    return View(
        model=question.model.name,
        photo=image.content,
        explain=None if target is None else target.index,
        against=getattr(target, "against", None),
        methods=(question.method,),
        params={f"{question.method}.{name}": text for name, text in to_text(question.params).items()},
        erase=image.edits[0] if image.edits else None,
    )


def _of_run(name: str) -> tuple[dict[str, str], list[str]]:
    try:
        question = RunStore().question(name)
    except (RunGone, ParameterError, ValueError) as error:
        return {}, [str(error)]
    if question.model.name != st.session_state.model:
        return {}, [f"That run is of {question.model.name}. Choose that model on the left and open the link again."]
    return write(view_of(question)), []


def _put(link: Mapping[str, str]) -> None:
    for key in [key for key in st.query_params if key not in link and key not in ("model",)]:
        del st.query_params[key]
    for key, value in link.items():
        st.query_params[key] = value
