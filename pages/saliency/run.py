"""Run: which methods, with which parameters, at what cost; start, progress and stop."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from backend.engine import engine
from backend.engine.job import Snapshot
from backend.engine.stepping import QueueFull
from backend.methods.params import from_text, specs, to_text
from backend.methods.question import Question
from backend.methods.registry import Method, method_named, methods
from components import jobs
from components.forms import form
from pages.saliency.link import arm, armed, change
from pages.saliency.scene import Scene
from pages.saliency.view import MOST_METHODS, View

CHEAP_SECONDS = 2.0


@dataclass(frozen=True)
class Work:
    """Where the page's questions stand together."""

    running: tuple[Question, ...]
    waiting_for_run: tuple[Question, ...]
    failed: tuple[Question, ...]


def bar(scene: Scene) -> None:
    """Methods, settings, and the one button: Run, or Stop while something runs."""
    work = start(scene)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        _pills(scene)
        _about(scene)
        st.space("stretch")
        _settings(scene.view)
        if work.running:
            st.button(
                "Stop", icon=":material/stop_circle:", width=120, on_click=_stop, args=(scene,), help="Keeps what is there."
            )
        else:
            idle = not work.waiting_for_run
            st.button(
                "Run", icon=":material/play_arrow:", type="primary", width=120, on_click=arm, disabled=idle,
                help="All of this is on screen already." if idle else forecast(work.waiting_for_run),
            )  # fmt: skip
    with st.container():  # there with and without its caption, so that the maps below stay where they are
        if work.waiting_for_run and not work.running:
            st.caption(f"Press Run: {forecast(work.waiting_for_run)}")


def start(scene: Scene) -> Work:
    """Ask what may start by itself, and drop what the page no longer shows; where everything stands then."""
    may_start, again = armed(), st.session_state.pop("again", None)
    running, waiting, failed = [], [], []
    for question in scene.questions:
        snapshot = jobs.look(question)
        wanted = may_start and (snapshot is None or snapshot.state == "stopped")
        if wanted or question.hash == again or (snapshot is None and _starts_alone(question)):
            snapshot = _ask(question)
        if snapshot is None or snapshot.state == "stopped":
            waiting.append(question)
        elif snapshot.state == "failed":
            failed.append(question)
        elif not snapshot.final:
            running.append(question)
    return Work(tuple(running), tuple(waiting), tuple(failed))


def _starts_alone(question: Question) -> bool:
    if engine().free(question):
        return True
    cost = engine().forecast(question)
    return cost is not None and cost.seconds <= CHEAP_SECONDS


def _ask(question: Question) -> Snapshot | None:
    try:
        return jobs.ask(question)
    except (QueueFull, ValueError) as error:
        st.error(str(error), icon=":material/error:")
        return None


def forecast(questions: tuple[Question, ...]) -> str:
    """What the questions would cost from where they stand, in words."""
    rows, seconds = 0.0, 0.0
    for question in questions:
        cost, snapshot = engine().forecast(question), jobs.look(question)
        if cost is None:
            return "the model is still loading."
        left = 1 - snapshot.done / snapshot.total if snapshot and snapshot.total else 1.0
        rows, seconds = rows + left * cost.passes.forward, seconds + left * cost.seconds
    return f"{rows:,.0f} passes at most, about {in_words(seconds)}."


def in_words(seconds: float) -> str:
    """A length of time a person would say."""
    if seconds < 1:
        return "a second"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _stop(scene: Scene) -> None:
    jobs.leave(scene.questions)


def _pills(scene: Scene) -> None:
    offered = methods("saliency")
    st.session_state["sal_methods"] = list(scene.view.methods)
    st.pills(
        "Methods", [method.name for method in offered], selection_mode="multi", key="sal_methods", wrap=True,
        label_visibility="collapsed", format_func=lambda name: method_named(name).title,
        on_change=_choose_methods, args=(scene.view,),
    )  # fmt: skip


def _choose_methods(view: View) -> None:
    chosen = st.session_state.sal_methods
    kept = [name for name in view.methods if name in chosen]
    added = [name for name in chosen if name not in view.methods]
    names = (*kept, *added)
    if len(names) > MOST_METHODS:
        st.toast(f"Up to {MOST_METHODS} maps stand side by side. Take one away first.", icon=":material/view_column:")
        return
    change(view, methods=names)


def _about(scene: Scene) -> None:
    with st.popover("About them", type="tertiary", icon=":material/help:"):
        card = engine().workshop.card(scene.questions[0].model) if scene.questions else None
        for method in methods("saliency"):
            misfit = method.misfit(card) if card else None
            st.markdown(f"**{method.title}**" + (f" :gray-badge[{misfit}]" if misfit else ""))
            st.caption(method.teaching.text)


def _settings(view: View) -> None:
    with st.popover("Settings", icon=":material/tune:"):
        tunable = [method_named(name) for name in view.methods if method_named(name).name != "grad_cam"]
        shown = [method for method in tunable if specs(method.params)]
        if not shown:
            st.caption("The chosen methods have nothing to set. Grad-CAM's layer is picked from the strip below its map.")
        for method in shown:
            st.markdown(f"**{method.title}**")
            _method_form(view, method)


def _method_form(view: View, method: Method) -> None:
    prefix = f"{method.name}."
    now = from_text(method.params, {key[len(prefix) :]: text for key, text in view.params.items() if key.startswith(prefix)})
    chosen = form(method.params, f"set_{method.name}", now)
    if chosen != now:
        others = {key: text for key, text in view.params.items() if not key.startswith(prefix)}
        change(view, params=others | {prefix + name: text for name, text in to_text(chosen).items()})
        st.rerun()
