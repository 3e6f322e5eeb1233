"""Check: what was measured of each map, beside its controls, and what that means in words."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from backend.engine.job import Snapshot
from backend.evidence.finding import Finding, Measure
from backend.evidence.words import verdict_sentences
from backend.markdown import literal
from backend.methods.question import Question, Runs
from backend.methods.registry import method_named
from components import jobs
from components.figures.checks import COLUMNS, DOTS_HEIGHT, Column, dot_plot
from components.figures.curves import CURVES_HEIGHT, Protocol, curves
from components.live_figure import live_figure
from components.theme import current_theme
from pages.saliency.scene import Scene

ALWAYS = ("insertion_deletion", "completeness")
ON_DEMAND = "weight_randomisation"
_RANDOMISED = Column("weights drawn anew", "New weights", "near 0 is better")
_BADGED = {
    "insertion": "insertion",
    "deletion": "deletion",
    "missing logit": "missing logit",
    _RANDOMISED.measure: "new weights",
}
_BADGES = {
    "beats the control": (":material/check_circle:", "green"),
    "within the control": (":material/drag_handle:", "gray"),
    "fails the control": (":material/warning:", "yellow"),
}


def check_of(name: str, question: Question) -> Question:
    """The question a check asks about a run."""
    params = method_named(name).params()
    return Question(name, question.model, Runs((question,)), params, question.target, question.edits, question.seed)


def wanted() -> tuple[str, ...]:
    """The checks this session asks for."""
    return (*ALWAYS, ON_DEMAND) if st.session_state.get("randomise") else ALWAYS


def findings(question: Question) -> list[Finding]:
    """What the checks have found of a run so far."""
    snapshots = [jobs.look(check_of(name, question)) for name in wanted()]
    return [s.value for s in snapshots if s is not None and s.value is not None]


def active(scene: Scene) -> bool:
    """Whether a check is under way or about to be."""
    for question in scene.main.questions.values():
        run = jobs.look(question)
        if run is None or run.state != "finished" or run.value.blank:
            continue
        checks = [jobs.look(check_of(name, question)) for name in wanted()]
        if any(check is None or not check.final for check in checks):
            return True
    return False


def badges(question: Question) -> None:
    """One badge a measure; the colour says how it stands to its control, the help says why."""
    measures = [m for finding in findings(question) for m in finding.measures if m.verdict in _BADGES and m.name in _BADGED]
    if not measures:
        st.caption("Checks follow the map." if jobs.look(check_of(ALWAYS[0], question)) is None else "Measuring…")
        return
    with st.container(horizontal=True, gap="xsmall"):
        for measure in measures:
            icon, colour = _BADGES[measure.verdict]
            st.badge(f"{_BADGED[measure.name]} {_number(measure)}", icon=icon, color=colour, help=_why(measure))  # type: ignore[arg-type]


def _number(measure: Measure) -> str:
    return f"{100 * measure.value:.1f} %" if measure.unit == "share" else f"{measure.value:.2f}"


def _why(measure: Measure) -> str:
    controls = "; ".join(
        f"{name} {min(values):.2f}" + (f" to {max(values):.2f}" if len(values) > 1 else "")
        for name, values in measure.controls.items()
    )
    return f"{measure.verdict.capitalize()}; {measure.better} is better. Controls: {controls}."


def panel(scene: Scene, snapshots: dict[Question, Snapshot | None]) -> None:
    """The written answer, the dots, the curves and the protocol."""
    finished = {
        question: snapshot
        for question in scene.main.questions.values()
        if (snapshot := snapshots.get(question)) is not None and snapshot.state == "finished" and not snapshot.value.blank
    }
    for question in finished:
        for name in wanted():
            jobs.ask(check_of(name, question), lane="background")
    if not finished:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Can you trust these maps?", anchor=False, width="content")
        st.space("stretch")
        _randomise_button()
    found = {method_named(question.method).title: findings(question) for question in finished}
    label = scene.labels[scene.target.index] if scene.target else ""
    for sentence in verdict_sentences(found, label):
        st.markdown(sentence)
    measured = {title: items for title, items in found.items() if items}
    if measured:
        _figures(measured)
    _failures(finished)


def _randomise_button() -> None:
    if st.session_state.get("randomise"):
        return
    st.button(
        "Randomise the weights too", icon=":material/shuffle:", type="tertiary", on_click=_randomise,
        help="Asks the same of the model with more and more weights drawn anew. A map that stays the same never read them.",
    )  # fmt: skip


def _randomise() -> None:
    st.session_state["randomise"] = True
    st.rerun()  # the whole page: this button is in a fragment, whose timer only a full run starts


def _figures(found: dict[str, list[Finding]]) -> None:
    theme = current_theme()
    names = sorted({finding.name for items in found.values() for finding in items})
    columns = (*COLUMNS, _RANDOMISED) if ON_DEMAND in names else COLUMNS
    said = f"Dots for {', '.join(found)}: each check's value beside its controls"
    with st.grid(2, min_column_width=430, gap="medium"):
        with st.container():
            live_figure(dot_plot(found, theme, columns), key="dots", height=DOTS_HEIGHT, alt=said)
            st.caption("● beats random · ○ does not · grey band: smooth random orders · dotted: an edge detector")
        with st.container():
            which: Protocol = st.segmented_control(
                "Curve", get_args(Protocol), default="insertion", required=True, key="curve",
                format_func=str.capitalize, label_visibility="collapsed",
            )  # fmt: skip
            drawn = curves(found, which, theme)
            live_figure(drawn, key="curves", height=CURVES_HEIGHT, alt=f"{which.capitalize()} curves of {', '.join(found)}")
    with st.expander("How this was measured", icon=":material/straighten:"):
        for name in names:
            protocol = next(f.protocol for items in found.values() for f in items if f.name == name)
            st.markdown(f"**{method_named(name).title}.** {literal(protocol, 1200)}")
            st.caption(method_named(name).teaching.text)


def _failures(finished: dict[Question, Snapshot]) -> None:
    for question in finished:
        for name in wanted():
            check = jobs.look(check_of(name, question))
            if check is not None and check.state == "failed":
                st.warning(f"{method_named(name).title} of {method_named(question.method).title}: {literal(check.reason, 300)}")
