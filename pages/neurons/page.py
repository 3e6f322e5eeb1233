"""Neurons: find a unit, see what drives it and what it drives, name it, test the name, act on it; or read a sentence."""

from __future__ import annotations

import streamlit as st

from backend.engine import engine
from backend.markdown import literal
from components import jobs
from pages.neurons import card, explorer, sentence
from pages.neurons.link import current
from pages.neurons.scene import Scene, build, load

LOADING_SECONDS = 0.3


@st.fragment(run_every=LOADING_SECONDS)
def wait_for_model(scene: Scene) -> None:
    """Draw the page anew as soon as the model is loaded, or say why it cannot be."""
    answer = load(scene)
    if answer is not None and answer.state == "failed":
        st.error(literal(answer.reason, 400), icon=":material/error:")
    elif engine().workshop.card(scene.question_model) is not None:
        st.rerun()


jobs.begin_page()
view, problems = current()
messages = st.container()  # always there: Streamlit finds the figures below by their place, and remounts what moves
scene = build(view)
with messages:
    for problem in (*problems, *scene.problems):
        st.warning(literal(problem, 400), icon=":material/link_off:")
    status = engine().status()
    if status.problem:
        st.error(literal(status.problem, 400), icon=":material/error:")
    if scene.card is None:
        wait_for_model(scene)
    else:
        load(scene)

if view.mode == "sentence" and scene.reads_text:
    sentence.show(scene)
elif scene.unit is not None or (view.unit and not scene.layers):
    card.show(scene)
else:
    explorer.show(scene)
jobs.leave_the_rest()
