"""Image saliency: choose a photo and a target, run methods, look at the maps, check them, intervene, keep."""

from __future__ import annotations

import streamlit as st

from backend.data.images import ImageError
from backend.engine import engine
from backend.markdown import literal
from backend.models.catalog import entry
from components import jobs
from components.figures.maps import MAP_HEIGHT
from pages.saliency import choose, export, intervene, keep, maps, onward, run, trust
from pages.saliency.link import current
from pages.saliency.scene import Scene, build

LOADING_SECONDS = 0.3

view, problems = current()
messages = st.container()  # always there: Streamlit finds the figures below by their place, and remounts what moves
with messages:
    for problem in problems:
        st.warning(literal(problem, 400), icon=":material/link_off:")


@st.fragment(run_every=LOADING_SECONDS)
def wait_for_model(scene: Scene) -> None:
    """Come back as soon as the model has answered."""
    status = engine().status()
    if status.problem:
        st.error(literal(status.problem, 400), icon=":material/error:")
        return
    st.caption(":material/hourglass_top: Loading the model. The photo is explained as soon as it is there.")
    with st.grid(4, min_column_width=225, gap="small"):
        for _ in scene.view.methods:
            st.skeleton(MAP_HEIGHT)
    answer = jobs.look(scene.main.prediction_question)
    if answer is not None and answer.final:
        st.rerun()


try:
    scene = build(view)
except ImageError as error:
    st.header("What is the model looking at?", anchor=False)
    st.error(f"{literal(str(error), 400)} Pick another one.", icon=":material/broken_image:")
    choose.change_photo(view, entry(view.model))
    st.stop()

with st.container(horizontal=True, vertical_alignment="center"):
    st.header(choose.title(scene), anchor=False, width="content")
    st.space("stretch")
    st.button("Change photo", icon=":material/photo_library:", type="tertiary", on_click=choose.toggle)
    keep.pin_button(scene)
    export.tools(scene)
with messages:
    for problem in scene.problems:
        st.warning(literal(problem, 400), icon=":material/info:")
with st.container():
    if st.session_state.get("choosing"):
        choose.change_photo(view, scene.model)

choose.question_row(scene)
if scene.target is None:
    wait_for_model(scene)
    st.stop()
if not view.revision and engine().workshop.card(scene.main.prediction_question.model) is not None:
    st.rerun()  # the model has just been loaded: from here on questions name the revision of its weights

run.bar(scene)
maps.view_row(view, scene.main.frame)
maps.live(scene)
maps.layer_strip(scene)
onward.section(scene)
intervene.section(scene)
keep.history(scene)

checks = [trust.check_of(name, question) for question in scene.main.questions.values() for name in trust.wanted()]
predictions = [row.prediction_question for row in scene.rows]
gallery = choose.gallery_questions(view, scene.model) if st.session_state.get("choosing") else []
jobs.leave_all_but([*scene.questions, *checks, *predictions, *gallery])
