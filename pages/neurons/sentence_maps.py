"""Which tokens the answer comes from: maps side by side as they form, each with its check against random orders."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from backend.engine.job import Snapshot
from backend.engine.stepping import QueueFull
from backend.evidence.finding import Finding
from backend.markdown import literal
from backend.methods.neurons.sentence.token_map import TokenMap
from backend.methods.params import ParameterError, from_text, to_text
from backend.methods.question import Question
from backend.methods.registry import method_named
from components import jobs
from components.figures.curves import CURVES_HEIGHT, TOKENS, Protocol, curves
from components.forms import form
from components.live_figure import live_figure
from components.theme import current_theme
from components.token_text import visible
from components.tokens import HeatRow, legend, shared_end, show_heat_text
from pages.neurons.link import change
from pages.neurons.reading import CHECK, MAPS, Reading, check_of
from pages.neurons.sentence_words import lead, why

POLL_SECONDS = 0.4
AT_ONCE = 64  # tokens up to which the slow map starts by itself
SLOW = "token_ig"
_BADGES = {
    "beats the control": (":material/check_circle:", "green"),
    "within the control": (":material/drag_handle:", "gray"),
    "fails the control": (":material/warning:", "yellow"),
}
_HELP = "Orange tokens raise the explained token, blue ones lower it, clear ones do neither. Maps of one unit share one scale."


def section(reading: Reading) -> None:
    """Heading, settings and the maps with their checks."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Which tokens does it come from?", anchor=False, width="content")
        st.space("stretch")
        st.markdown(legend("speaks against", "speaks for"), help=_HELP, width="content")
        _settings(reading)
    questions = reading.map_questions()
    if not questions:
        with st.grid(3, min_column_width=300, gap="small"):
            for _ in MAPS:
                st.skeleton(150)
        return
    _start(reading, questions)
    active = _active(questions)
    st.fragment(_draw, run_every=POLL_SECONDS if active else None)(reading, questions, active)


def _start(reading: Reading, questions: tuple[Question, ...]) -> None:
    again = st.session_state.pop("sentence_again", None)
    for question in questions:
        known = jobs.look(question)
        wanted = known is None and (question.method != SLOW or reading.position < AT_ONCE)
        if wanted or question.hash == again:
            try:
                jobs.ask(question)
            except (ParameterError, QueueFull) as error:
                st.error(literal(str(error), 300), icon=":material/error:")


def _active(questions: tuple[Question, ...]) -> bool:
    """Whether a map or a check moves, or a check is about to be asked."""
    for question in questions:
        run = jobs.look(question)
        if run is not None and not run.final:
            return True
        if run is not None and _checkable(run):
            check = jobs.look(check_of(question))
            if check is None or not check.final:
                return True
    return False


def _checkable(run: Snapshot) -> bool:
    return run.state == "finished" and run.value.blank is None and run.value.position >= 2


def _draw(reading: Reading, questions: tuple[Question, ...], was_active: bool) -> None:
    snapshots = {question: jobs.look(question) for question in questions}
    rows = {question: _row(s.value) for question, s in snapshots.items() if s is not None and s.value is not None}
    with st.container():
        _progress(questions, snapshots)
    with st.grid(3, min_column_width=300, gap="small"):
        for question, snapshot in snapshots.items():
            with st.container(border=True, height="stretch", key=f"sentence_{question.method}"):
                _card(question, snapshot, rows)
    for question, snapshot in snapshots.items():
        if snapshot is not None and _checkable(snapshot) and jobs.look(check_of(question)) is None:
            jobs.ask(check_of(question), lane="background")  # once: one that failed or was stopped says so
    with st.container():
        _evidence(reading, questions)
    if was_active and not _active(questions):
        st.rerun()


def _row(value: TokenMap) -> HeatRow:
    shown = value.attribution.copy()
    shown[value.position + 1 :] = float("nan")
    return HeatRow(value.tokens, shown, peak=value.position)


def _progress(questions: tuple[Question, ...], snapshots: dict[Question, Snapshot | None]) -> None:
    moving = [s for s in snapshots.values() if s is not None and not s.final]
    if not moving:
        return
    parts = [
        f"{method_named(s.question.method).title} {s.done:,} of {s.total:,}" if s.total else "waits for its turn" for s in moving
    ]
    share = sum(s.done / s.total if s.total else 0.0 for s in moving) / len(moving)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(share, 1.0), " · ".join(parts))
        st.button("Stop", icon=":material/stop_circle:", width=120, on_click=jobs.leave, args=(questions,), help="Keeps it.")


def _card(question: Question, snapshot: Snapshot | None, rows: dict[Question, HeatRow]) -> None:
    method = method_named(question.method)
    st.markdown(f"**{method.title}**", help=method.teaching.text)
    if snapshot is None:
        st.caption("not run yet: it takes many passes over a prompt this long")
        _again_button("Run", question)
        return
    if snapshot.state == "failed":
        st.markdown(f":material/block: {literal(f'{snapshot.reason} {snapshot.hint}', 400)}")
        _again_button("Try again", question)
        return
    value: TokenMap | None = snapshot.value
    if value is None:
        st.caption("stopped before its first picture" if snapshot.final else "waiting for its turn")
        if snapshot.final:
            _again_button("Finish", question)
        return
    st.caption(value.note)
    if value.blank:
        st.caption(f":material/visibility_off: {value.blank}")
    else:
        same = [rows[other] for other in rows if _unit(other) == value.unit and _drawn(other)]
        show_heat_text([rows[question]], limit=shared_end(same), unit=value.unit)
        _steepest(value)
    st.caption(f"{value.unit} · {value.passes.forward:,} pass{'es' if value.passes.forward > 1 else ''} · {value.seconds:.1f} s")
    if snapshot.state == "stopped":
        st.badge(f"Stopped at {snapshot.done:,} of {snapshot.total:,}", icon=":material/front_hand:", color="gray")
        _again_button("Finish", question)
    elif _checkable(snapshot):
        _badges(question)


def _steepest(value: TokenMap) -> None:
    """Where the gradient is largest whatever its direction, for methods that tell: it has no sign, so no colour."""
    if value.strength is not None:
        place = int(value.strength.argmax())
        token = literal(visible(value.tokens[place], 24))
        mean = value.strength[: value.position + 1].mean()
        st.caption(f"Gradient (L2) largest at “{token}”: {value.strength[place]:.2f} logits per unit, mean {mean:.2f}")


def _unit(question: Question) -> str:
    snapshot = jobs.look(question)
    return snapshot.value.unit if snapshot is not None and snapshot.value is not None else ""


def _drawn(question: Question) -> bool:
    snapshot = jobs.look(question)
    return snapshot is not None and snapshot.value is not None and snapshot.value.blank is None


def _again_button(label: str, question: Question) -> None:
    if st.button(label, icon=":material/play_arrow:", key=f"again_{question.hash}"):
        st.session_state["sentence_again"] = question.hash
        st.rerun()  # the whole page: only a full run asks and starts the timer


def _badges(question: Question) -> None:
    check = jobs.look(check_of(question))
    if check is not None and check.state == "failed":
        st.caption(literal(check.reason, 300))
        return
    decided = [measure for measure in (check.value.measures if check and check.value else ()) if measure.controls]
    if not decided:
        st.caption("The check was stopped." if check is not None and check.final else "Measuring…")
        return
    with st.container(horizontal=True, gap="xsmall"):
        for measure in decided:
            icon, colour = _BADGES[measure.verdict]
            st.badge(f"{measure.name} {measure.value:.1f}", icon=icon, color=colour, help=why(measure))  # type: ignore[arg-type]


def _evidence(reading: Reading, questions: tuple[Question, ...]) -> None:
    found: dict[str, list[Finding]] = {}
    for question in questions:
        check = jobs.look(check_of(question))
        if check is not None and check.value is not None:
            found[method_named(question.method).title] = [check.value]
    if not found:
        return
    st.markdown(lead({title: findings[0] for title, findings in found.items()}, reading.label))
    which: Protocol = st.segmented_control(
        "Curve", get_args(Protocol), default="insertion", required=True, key="sentence_curve",
        format_func=str.capitalize, label_visibility="collapsed",
    )  # fmt: skip
    figure = curves(found, which, current_theme(), controls=TOKENS)
    live_figure(figure, key="sentence_curves", height=CURVES_HEIGHT, alt=f"{which.capitalize()} curves of {', '.join(found)}")
    st.caption("log probability of the explained token · grey band: 16 random orders of the tokens · dotted: the latest first")
    with st.expander("How this was measured", icon=":material/straighten:"):
        st.markdown(literal(next(iter(found.values()))[0].protocol, 1400))
        st.caption(method_named(CHECK).teaching.text)


def _settings(reading: Reading) -> None:
    view = reading.scene.view
    with st.popover("Settings", icon=":material/tune:"):
        for name in ("token_occlusion", "token_ig"):
            prefix, method = f"{name}.", method_named(name)
            st.markdown(f"**{method.title}**")
            own = {key[len(prefix) :]: text for key, text in view.params.items() if key.startswith(prefix)}
            now = from_text(method.params, own)
            chosen = form(method.params, f"set_{name}", now)
            if chosen != now:
                others = {key: text for key, text in view.params.items() if not key.startswith(prefix)}
                change(view, params=others | {prefix + key: text for key, text in to_text(chosen).items()})
                st.rerun()
