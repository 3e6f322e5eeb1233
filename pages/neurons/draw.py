"""Draw what excites it most: a picture made for the unit, as it forms, with the measurements that say how far to believe it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from backend.engine import engine
from backend.engine.job import Snapshot
from backend.engine.stepping import QueueFull
from backend.markdown import literal
from backend.methods.neurons.feature_visualization import NOISE, OTHER, FeaturePicture, FeatureVisualization
from backend.methods.params import ParameterError, specs, to_text
from backend.methods.question import Question, Weights
from backend.methods.registry import method_named
from components import jobs
from components.figures.drawing import CURVE_HEIGHT, PICTURE_HEIGHT, ascent_curve, drawn_picture
from components.live import rest
from components.live_figure import live_figure
from components.theme import current_theme
from pages.neurons.link import change
from pages.neurons.scene import Scene
from pages.saliency.run import in_words

METHOD = "feature_visualization"
POLL_SECONDS = 0.4
SET = ("objective", "direction", "parametrisation", "iterations")
CAUTION = "An optimised picture alone misleads: see the strongest examples above beside it, and the controls below it."


def section(scene: Scene) -> None:
    """The picture, or the button that asks for it; nothing is drawn unasked."""
    method = method_named(METHOD)
    st.subheader("Draw what excites it most", anchor=False, help=method.teaching.text)
    if scene.card is None or scene.unit is None:
        st.caption("The model is still loading.")
        return
    misfit = method.misfit(scene.card)
    if misfit:
        st.caption(literal(misfit, 300))
        return
    try:
        question = scene.view.question(METHOD, Weights(), layer=scene.unit.layer, unit=scene.unit.index)
    except ParameterError as error:
        st.caption(literal(str(error), 300))
        return
    snapshot = jobs.look(question)
    if snapshot is None and engine().free(question):
        snapshot = _asked(question)
    _bar(scene, question, snapshot)
    with st.container(key="draw_live"):  # there with and without its picture, so that figures stay where they are
        if snapshot is not None:
            active = not snapshot.final
            st.fragment(_live, run_every=POLL_SECONDS if active else None)(scene, question, active)


def _bar(scene: Scene, question: Question, snapshot: Snapshot | None) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if snapshot is not None and not snapshot.final:
            st.button(
                "Stop", key="draw_stop", icon=":material/stop_circle:", on_click=jobs.leave, args=((question,),),
                help="Keeps the picture as it is.",
            )  # fmt: skip
        elif snapshot is None or snapshot.state in ("stopped", "failed"):
            words = "Draw it" if snapshot is None else "Draw it again"
            st.button(
                words, key="draw_start", icon=":material/brush:", type="primary", on_click=_start, args=(question,),
                help=_forecast(question),
            )  # fmt: skip
        with st.popover("How", icon=":material/tune:"):
            _settings(scene, question)
        st.caption(CAUTION)


def _start(question: Question) -> None:
    _asked(question)


def _asked(question: Question) -> Snapshot | None:
    try:
        return jobs.ask(question)
    except (ParameterError, QueueFull) as error:
        st.toast(literal(str(error), 300), icon=":material/error:")
        return None


def _forecast(question: Question) -> str:
    cost = engine().forecast(question)
    return f"About {in_words(cost.seconds)} at most." if cost is not None else "The model is still loading."


def _settings(scene: Scene, question: Question) -> None:
    """What a reader may choose, each shown as the question has it; a choice goes into the link."""
    for spec in specs(FeatureVisualization):
        key, now = f"draw_{spec.name}", getattr(question.params, spec.name)
        if spec.name not in SET:
            continue
        st.session_state[key] = now
        told: dict[str, Any] = {"key": key, "help": spec.help, "on_change": _set, "args": (scene, question, spec.name)}
        if spec.options:
            st.segmented_control(spec.label, spec.options, required=True, **told)
        elif spec.range is not None:
            st.slider(spec.label, int(spec.range.low), int(spec.range.high), step=int(spec.range.step), **told)


def _set(scene: Scene, question: Question, name: str) -> None:
    chosen = replace(question.params, **{name: st.session_state[f"draw_{name}"]})
    others = {key: text for key, text in scene.view.params.items() if not key.startswith(f"{METHOD}.")}
    own = {f"{METHOD}.{key}": text for key, text in to_text(chosen).items() if key in SET}
    change(scene.view, params=others | own)


def _live(scene: Scene, question: Question, was_active: bool) -> None:
    snapshot = jobs.look(question)
    if snapshot is None:
        return
    if not snapshot.final:
        _progress(snapshot)
    if snapshot.state == "failed":
        st.markdown(f":material/block: {literal(f'{snapshot.reason} {snapshot.hint}'.strip(), 400)}")
    elif isinstance(snapshot.value, FeaturePicture):
        _drawing(scene, question, snapshot, snapshot.value)
    elif not snapshot.final:
        st.skeleton(PICTURE_HEIGHT)
    rest(was_active, not snapshot.final)


def _progress(snapshot: Snapshot) -> None:
    share = snapshot.done / snapshot.total if snapshot.total else 0.0
    note = snapshot.value.note if isinstance(snapshot.value, FeaturePicture) else "waiting for its turn"
    left = snapshot.seconds_left
    st.progress(min(share, 1.0), literal(note if left is None else f"{note} · {in_words(left)} left", 200))


def _drawing(scene: Scene, question: Question, snapshot: Snapshot, value: FeaturePicture) -> None:
    if value.blank:
        st.markdown(f":material/visibility_off: {literal(value.blank, 400)}")
        return
    st.markdown(sentence(scene, value))
    theme = current_theme()
    forming = not snapshot.final and not value.held_out.size
    with st.grid(2, min_column_width=300, gap="small"):
        with st.container():
            shown = value.frame if forming else value.picture
            what = "the picture as it forms" if forming else f"the best frame, of step {value.best_at}"
            live_figure(drawn_picture(shown, theme), key="draw_picture", height=PICTURE_HEIGHT, alt=f"Feature picture: {what}")
            begun = value.note.partition("; ")[2] if value.held_out.size else ""
            what = f"{what}; {begun}" if begun and not forming else what
            st.caption(
                literal(what[0].upper() + what[1:]) + ("." if snapshot.state != "stopped" else "; stopped before the end.")
            )
        with st.container():
            figure = ascent_curve(value.curve, value.best_at, question.params.iterations, levels(scene, value), theme)
            live_figure(figure, key="draw_curve", height=CURVE_HEIGHT, alt=f"Activation over {len(value.curve)} steps")
            st.caption("Activation at each step, on the transformed picture; level lines are the controls.")
            if value.other_picture is not None:
                other = drawn_picture(value.other_picture, theme)
                live_figure(other, key="draw_other", height=120, alt=f"The picture drawn for unit {value.other_unit}")
                st.caption(f"Control: the picture drawn for unit {value.other_unit} of the same layer.")


def levels(scene: Scene, value: FeaturePicture) -> dict[str, float]:
    """What the objective is held against, by name."""
    found = {}
    if NOISE in value.controls:
        found["noise"] = float(value.controls[NOISE].mean())
    if OTHER in value.controls:
        found[f"unit {value.other_unit}’s"] = float(value.controls[OTHER].mean())
    if scene.record is not None and value.objective == "centre":
        found["best example"] = scene.record.maximum if value.direction == "highest" else scene.record.minimum
    return found


def sentence(scene: Scene, value: FeaturePicture) -> str:
    """The measured answer with its controls, in Markdown."""
    if not value.held_out.size:
        return f"{len(value.curve)} steps so far: **{_number(value.curve[-1])}** now." if len(value.curve) else "At its start."
    what = "mean over the picture" if value.objective == "mean" else "centre"
    parts = [
        f"Shifted, scaled and turned in {len(value.held_out)} ways it was not made with, the picture gives "
        f"**{_number(value.mean)}** ± {value.held_out.std():.2g} ({what}; strongest cell {_number(value.peak)})"
    ]
    parts += [f"{literal(name)} {_number(scores.mean())}" for name, scores in value.controls.items()]
    return "; ".join(parts) + "." + _beside_examples(scene, value)


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _beside_examples(scene: Scene, value: FeaturePicture) -> str:
    """How the strongest cell compares with the index's; it holds single cells, not means."""
    if scene.record is None or scene.index is None:
        return " No index of this unit yet, so no real pictures to hold it against."
    up = value.direction == "highest"
    best = scene.record.maximum if up else scene.record.minimum
    more = value.peak > best if up else value.peak < best
    high = (
        f", 99.8 % of cells stay below {_number(scene.record.quantiles[0.998])}" if up and 0.998 in scene.record.quantiles else ""
    )
    reach = "beyond" if more else "not beyond"
    pictures = f"{scene.index.manifest.items:,} real pictures"
    return f" Its strongest cell is {reach} the {pictures}, whose extreme is {_number(best)}{high}."
