"""Change it: the card's unit multiplied or set to a value, what that does to the answer, and what random units do."""

from __future__ import annotations

from typing import Any

import streamlit as st

from backend.data.images import ImageError
from backend.engine.stepping import QueueFull
from backend.markdown import literal
from backend.methods.neurons.neuron_ablation import Ablation
from backend.methods.params import ParameterError
from backend.methods.question import Question
from components import jobs
from components.figures.changes import CURVE_HEIGHT, bars_height, change_bars, effect_curve
from components.live import poll_interval, rest
from components.live_figure import live_figure
from components.theme import current_theme
from pages.neurons import importance, own_sample
from pages.neurons.change_words import effect_words, names_of, of_sample
from pages.neurons.link import change
from pages.neurons.scene import Scene

SHOWN = 5
SCALE_HELP = (
    "0 switches the unit off, 1 leaves it as it is, a negative factor turns it round, at every position. One run measures all "
    "factors, so that moving the slider costs no pass."
)
CLAMP_HELP = "The value the unit is given at every position, within its range over the corpus."


def section(scene: Scene) -> None:
    """The reader's own sample on one side, the change of the unit on the other."""
    if scene.unit is None or scene.card is None:
        return
    grid = st.grid(2, min_column_width=420, gap="large")
    with grid.container():
        own_sample.section(scene)
    with grid.container():
        change_it(scene)


def change_it(scene: Scene) -> None:
    """The slider, the bars, the sentence with its control, and the curve; follows the run while it is under way."""
    st.subheader("Change it", anchor=False)
    kind = next((layer.kind for layer in scene.layers if scene.unit is not None and layer.name == scene.unit.layer), "neuron")
    clamped = scene.view.clamp is not None and kind != "head"
    if kind != "head":
        st.toggle(
            "Set it to a value instead", value=clamped, key=f"clamped_{_unit(scene)}", on_change=_toggle, args=(scene,),
            help="Clamping gives the unit one value at every position; scaling keeps where it fires.",
        )  # fmt: skip
    try:
        question = question_of(scene, clamped)
        snapshot = jobs.look(question)
        if snapshot is None or snapshot.state != "failed":
            snapshot = jobs.ask(question)
    except (ParameterError, ImageError, QueueFull) as error:
        st.error(literal(str(error), 400), icon=":material/error:")
        return
    active = not snapshot.final
    st.fragment(_follow, run_every=poll_interval(active))(scene, question, clamped, active)
    importance.section(scene, snapshot.value if isinstance(snapshot.value, Ablation) else None)


def question_of(scene: Scene, clamped: bool) -> Question:
    """What is asked: all factors in one run, or all values within the unit's range. Raises ParameterError, ImageError."""
    assert scene.unit is not None
    params: dict[str, Any] = {"layer": scene.unit.layer, "unit": scene.unit.index}
    if clamped:
        params["mode"] = "clamp"
        if scene.record is not None:
            params |= {"low": min(0.0, round(scene.record.minimum, 2)), "high": max(0.0, round(scene.record.maximum, 2))}
    return scene.view.question("neuron_ablation", scene.sample, **params)


def _follow(scene: Scene, question: Question, clamped: bool, active_before: bool) -> None:
    snapshot = jobs.look(question)
    active = snapshot is not None and not snapshot.final
    if snapshot is not None and isinstance(snapshot.value, Ablation):
        _effect(scene, snapshot.value, clamped, active)
    elif snapshot is not None and snapshot.state == "failed":
        st.error(literal(f"{snapshot.reason} {snapshot.hint}", 400), icon=":material/error:")
    else:
        st.skeleton(bars_height(SHOWN) + CURVE_HEIGHT)
    rest(active_before, active)


def _effect(scene: Scene, value: Ablation, clamped: bool, active: bool) -> None:
    strength = _clamp_slider(scene, value) if clamped else _scale_slider(scene, value)
    place, theme = value.at(strength), current_theme()
    st.markdown(effect_words(scene, value, place, clamped))
    shown = value.likeliest(place, SHOWN)
    names = names_of(scene, value.outputs[shown])
    before, after = value.base_probabilities[shown], value.probabilities[place][shown]
    figure = change_bars(names, before.tolist(), after.tolist(), theme)
    alt = "; ".join(f"{name} {was:.2f} to {now:.2f}" for name, was, now in zip(names, before, after, strict=True))
    live_figure(figure, key="change_bars", height=bars_height(len(shown)), alt=f"Probabilities as they are and changed: {alt}")
    words = "value at every position" if clamped else "factor"
    unchanged = None if clamped else 1.0
    curve = effect_curve(value.strengths, value.kl, value.control_kl, strength, unchanged, theme, words)
    live_figure(curve, key="change_curve", height=CURVE_HEIGHT, alt=_curve_words(value, words))
    st.caption(_legend(value, active) + of_sample(scene))


def _curve_words(value: Ablation, words: str) -> str:
    return (
        f"Divergence of the answer against the {words}, from {value.strengths[0]:.3g} to {value.strengths[-1]:.3g}; "
        f"at most {value.kl[value.kl == value.kl].max(initial=0.0):.3g} nats"
    )


def _legend(value: Ablation, active: bool) -> str:
    if not value.controls:
        return "Grey bars: as it is. There is no other unit to hold the effect against. "
    measured = " so far" if active else ""
    return f"Grey bars: as it is. Grey band: {len(value.controls)} random units of the layer, changed alike{measured}. "


def _scale_slider(scene: Scene, value: Ablation) -> float:
    low, high = float(value.strengths[0]), float(value.strengths[-1])
    step = float(value.strengths[1] - value.strengths[0])
    key = f"factor_{_unit(scene)}"
    start = min(high, max(low, scene.view.factor))
    return st.slider(
        "Multiply its activation by",
        low,
        high,
        start,
        step,
        key=key,
        help=SCALE_HELP,
        on_change=_keep,
        args=(scene, key, "factor"),
    )


def _clamp_slider(scene: Scene, value: Ablation) -> float:
    key = f"value_{_unit(scene)}"
    options = [f"{strength:.2f}" for strength in value.strengths]
    start = options[value.at(scene.view.clamp or 0.0)]
    chosen = st.select_slider(
        "Set its activation to", list(dict.fromkeys(options)), start, key=key, help=CLAMP_HELP, on_change=_keep,
        args=(scene, key, "clamp"),
    )  # fmt: skip
    return float(chosen)


def _keep(scene: Scene, key: str, field: str) -> None:
    change(scene.view, **{field: float(st.session_state[key])})


def _toggle(scene: Scene) -> None:
    change(scene.view, clamp=0.0 if scene.view.clamp is None else None)


def _unit(scene: Scene) -> str:
    return f"{scene.view.model} {scene.view.unit}"
