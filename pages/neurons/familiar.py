"""Is this photo familiar to the model? How well its units' states are covered by those on pictures the model is meant for."""

from __future__ import annotations

import numpy as np
import streamlit as st

from backend.data.corpora import CorpusError
from backend.data.images import ImageError
from backend.engine import engine
from backend.engine.job import Snapshot
from backend.engine.stepping import QueueFull
from backend.markdown import literal
from backend.methods.neurons.activation_coverage import Coverage
from backend.methods.neurons.unit import Unit, unit_at, unit_title
from backend.methods.params import ParameterError
from backend.methods.question import Question
from backend.methods.registry import method_named
from backend.models.card import unit_layer
from components import jobs
from components.figures.familiarity import STRIP_HEIGHT, familiarity
from components.live import rest
from components.live_figure import live_figure
from components.theme import current_theme
from pages.neurons.link import change
from pages.neurons.scene import Scene

METHOD = "activation_coverage"
POLL_SECONDS = 0.4
STRANGEST = 5  # units listed
KINDS = {"pixels": "their pixels shuffled", "patches": "their patches shuffled"}
FEW_SOURCES = 20  # photos under which a percentile says little about photos in general


def section(scene: Scene) -> None:
    """The photo's coverage among held-out pictures, or the button that has it measured."""
    method = method_named(METHOD)
    st.subheader("Is this photo familiar to the model?", anchor=False, help=method.teaching.text)
    if scene.card is None:
        st.caption("The model is still loading.")
        return
    misfit = method.misfit(scene.card)
    if misfit:
        st.caption(literal(misfit, 300))
        return
    try:
        question = scene.view.question(METHOD, scene.sample)
    except (ParameterError, ImageError) as error:
        st.caption(literal(str(error), 300))
        return
    snapshot = jobs.look(question)
    if snapshot is None and engine().free(question):
        snapshot = _asked(question)
    if snapshot is None or snapshot.state in ("stopped", "failed"):
        st.button(
            "Measure familiarity", key="familiar_start", icon=":material/explore:", on_click=_start, args=(question,),
            help="The first time, some hundred pictures pass the model in the background; from then on one pass is enough.",
        )  # fmt: skip
    with st.container(key="familiar_live"):
        if snapshot is not None:
            active = not snapshot.final
            st.fragment(_live, run_every=POLL_SECONDS if active else None)(scene, question, active)


def _start(question: Question) -> None:
    _asked(question)


def _asked(question: Question) -> Snapshot | None:
    try:
        return jobs.ask(question)
    except (ParameterError, QueueFull, CorpusError) as error:
        st.toast(literal(str(error), 300), icon=":material/error:")
        return None


def _live(scene: Scene, question: Question, was_active: bool) -> None:
    snapshot = jobs.look(question)
    if snapshot is None:
        return
    if snapshot.state == "failed":
        st.markdown(f":material/block: {literal(f'{snapshot.reason} {snapshot.hint}'.strip(), 400)}")
    elif isinstance(snapshot.value, Coverage):
        _measured(scene, snapshot.value)
    elif not snapshot.final:
        share = snapshot.done / snapshot.total if snapshot.total else 0.0
        st.progress(min(share, 1.0), f"familiar pictures pass the model: {snapshot.done:,} of {snapshot.total:,}")
        st.button("Stop", key="familiar_stop", icon=":material/stop_circle:", on_click=jobs.leave, args=((question,),))
    rest(was_active, not snapshot.final)


def _measured(scene: Scene, value: Coverage) -> None:
    st.markdown(sentence(value))
    figure = familiarity(value.held_out, value.score, current_theme())
    live_figure(figure, key="familiar_strip", height=STRIP_HEIGHT, alt=f"Coverage {value.score:.2f} among held-out pictures")
    st.caption(controls(value))
    units = strangest(value)
    if not units:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("In states that no familiar picture put them into:", width="content")
        for unit in units:
            layer = unit_layer(scene.card, unit.layer) if scene.card is not None else None
            st.button(
                literal(unit_title(unit, layer.kind if layer else "channel")), key=f"strange_{unit.text}", type="tertiary",
                on_click=change, args=(scene.view,), kwargs={"unit": unit.text}, help="Open this unit's card.",
            )  # fmt: skip


def sentence(value: Coverage) -> str:
    """The measured answer, in Markdown."""
    words = "less familiar than most" if value.percentile < 10 else "as familiar as others"
    return (
        f"**Coverage {value.score:.3f}**, above {value.percentile:.0f} % of {len(value.held_out)} pictures held out from "
        f"{literal(value.corpus)}: {words}. The units were watched on {value.built} pictures of {value.sources[0]} sources; "
        f"those held out are of {value.sources[1]} others."
    )


def controls(value: Coverage) -> str:
    """What simpler measures say, what this one is worth here, and the caution that few sources ask for."""
    worth = ", ".join(
        f"{KINDS[kind]} {found:.2f} (softmax {value.auroc_confidence[kind]:.2f})" for kind, found in value.auroc.items()
    )
    text = (
        f"Simpler measures: largest softmax {value.confidence:.2f}, above {value.confidence_percentile:.0f} % of the same "
        f"pictures; brightness {value.brightness:.2f}, above {value.brightness_percentile:.0f} %. How well coverage tells "
        f"them from copies with {worth}, where 0.5 is chance; layers and steepness were chosen on other pictures."
    )
    if min(value.sources) < FEW_SOURCES:
        text += (
            f" {sum(value.sources)} sources stand for all photos here, so most others will look strange: add a folder of photos."
        )
    return text


def strangest(value: Coverage) -> list[Unit]:
    """Units whose state no sample of the profile had, the first few, those of deep layers first."""
    where = np.flatnonzero(value.coverage == 0)[::-1][:STRANGEST]
    return [unit_at(int(position), value.layers) for position in where]
