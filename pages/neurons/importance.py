"""How much does it matter here? The unit among the others of its layer, by the flow through it or by random ablations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import streamlit as st

from backend.data.images import ImageError
from backend.engine.stepping import QueueFull
from backend.markdown import literal
from backend.methods.neurons.component_attribution import ComponentAttributions
from backend.methods.neurons.conductance import Conductance
from backend.methods.neurons.neuron_ablation import Ablation
from backend.methods.neurons.unit import Unit
from backend.methods.params import ParameterError
from backend.methods.question import ClassLogit, Question, TokenLogit
from backend.methods.registry import method_named
from components import jobs
from components.figures.token_bars import bars_height, signed_bars
from components.live import poll_interval, rest
from components.live_figure import live_figure
from components.theme import current_theme
from pages.neurons.change_words import names_of
from pages.neurons.scene import Scene

Way = Literal["conductance", "component_attribution"]
WAYS: dict[Way, str] = {"conductance": "Flow through it", "component_attribution": "Random ablations"}
SHOWN = 6


@dataclass(frozen=True)
class Share:
    """Every unit's share in one layer, (units,), in logits, and in words how far it can be trusted."""

    values: np.ndarray
    trust: str


def section(scene: Scene, known: Ablation | None) -> None:
    """The two ways to choose from, and the answer once it was asked for; `known` tells the first answer of the model."""
    if scene.unit is None or known is None:
        return
    st.markdown("**How much does it matter here?**", help="Beside the other units of its layer, for one answer.")
    with st.container(horizontal=True, vertical_alignment="center"):
        way: Way = st.segmented_control(
            "Way", list(WAYS), default="conductance", required=True, key="importance_way", label_visibility="collapsed",
            format_func=WAYS.__getitem__, help=method_named("conductance").teaching.text,
        )  # fmt: skip
        question = question_of(scene, way, known.base_first)
        snapshot = jobs.look(question)
        asked = snapshot is not None and snapshot.state != "stopped"
        st.button("Measure", icon=":material/monitoring:", disabled=asked, on_click=_ask, args=(question,), key="importance_run")
    problem = st.session_state.pop("importance_problem", "")
    if problem:
        st.error(literal(problem, 400), icon=":material/error:")
    if asked and snapshot is not None:
        active = not snapshot.final
        st.fragment(_follow, run_every=poll_interval(active))(scene, question, active)
    else:
        st.caption(literal(method_named(way).teaching.text, 600))


def question_of(scene: Scene, way: Way, first: int) -> Question:
    """The way asked of the sample for the link's target, or for the model's first answer."""
    assert scene.unit is not None
    index = first if scene.view.target is None else scene.view.target
    target = TokenLogit(index) if scene.reads_text else ClassLogit(index)
    params = {"layer": scene.unit.layer} if way == "component_attribution" else {}
    return scene.view.question(way, scene.sample, target, **params)


def _ask(question: Question) -> None:
    try:
        jobs.ask(question)
    except (ParameterError, ImageError, QueueFull) as error:
        st.session_state["importance_problem"] = str(error)


def _follow(scene: Scene, question: Question, active_before: bool) -> None:
    snapshot = jobs.look(question)
    active = snapshot is not None and not snapshot.final
    if snapshot is not None and snapshot.state == "failed":
        st.error(literal(f"{snapshot.reason} {snapshot.hint}", 400), icon=":material/error:")
    elif snapshot is not None and snapshot.value is not None:
        _shown(scene, question, share_of(snapshot.value, scene.unit))
    else:
        st.skeleton(bars_height(SHOWN))
    if active and snapshot is not None:
        st.progress(min(1.0, snapshot.done / max(snapshot.total, 1)), f"{snapshot.done:,} of {snapshot.total:,} passes")
    rest(active_before, active)


def share_of(value: Conductance | ComponentAttributions, unit: Unit | None) -> Share:
    """The shares of the unit's layer. Raises KeyError for a layer that was not measured."""
    assert unit is not None
    if isinstance(value, ComponentAttributions):
        return Share(value.weights, _tested(value, unit.index))
    return Share(value.values[unit.layer], _summed(value, unit.layer))


def _tested(value: ComponentAttributions, index: int) -> str:
    low, high = value.interval
    control = f", models of shuffled masks up to {value.shuffled.max():.2f}" if value.shuffled.size else ""
    return (
        f"Standard error of this unit {value.standard_errors[index]:.2g}. On {len(value.measured)} fresh ablations the linear "
        f"model's predictions correlate with the truth by {value.correlation:.2f} ({low:.2f} to {high:.2f}{control})."
    )


def _summed(value: Conductance, layer: str) -> str:
    if layer in value.residuals:
        missed = abs(value.residuals[layer])
        return f"All units of {layer} sum to the change of {value.change:.2f} from the baseline within {missed:.2f}."
    path = f" The path itself misses up to {value.path_residual:.2f}." if np.isfinite(value.path_residual) else ""
    return f"The change from the baseline is {value.change:.2f}; other ways bypass this layer, so its sum is not fixed.{path}"


def _shown(scene: Scene, question: Question, share: Share) -> None:
    assert scene.unit is not None
    own = float(share.values[scene.unit.index])
    order = np.argsort(-np.abs(share.values), kind="stable")
    rank = int(np.flatnonzero(order == scene.unit.index)[0]) + 1
    shown = list(order[:SHOWN])
    if scene.unit.index not in shown:
        shown[-1] = np.int64(scene.unit.index)
    kind = next(layer.kind for layer in scene.layers if scene.unit.layer == layer.name)
    names = [f"{kind} {unit}" for unit in shown]
    answer = literal(names_of(scene, [question.target.index])[0], 40) if question.target is not None else ""
    st.markdown(
        f"It adds **{_signed(own)}** logits to **{answer}**: number {rank:,} of {len(share.values):,} in size; the median unit "
        f"adds {float(np.median(np.abs(share.values))):.2g} either way. {share.trust}"
    )
    figure = signed_bars(names, [float(share.values[unit]) for unit in shown], current_theme(), "logit")
    live_figure(figure, key="importance_bars", height=bars_height(len(shown)), alt=f"Shares of {', '.join(names)}")


def _signed(value: float) -> str:
    return f"{value:+.2g}".replace("-", "−")
