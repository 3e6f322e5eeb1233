"""Next: one thing that follows from what is on screen, and one or two beside it."""

from __future__ import annotations

import streamlit as st

from backend.markdown import literal
from backend.methods.question import Contrast, RegionEdit
from backend.methods.registry import method_named
from components import jobs
from pages.saliency.link import change
from pages.saliency.scene import Scene
from pages.saliency.strongest import SHARE, strongest
from pages.saliency.view import MOST_METHODS

WORTH_ADDING = ("rise", "occlusion", "integrated_gradients")


def section(scene: Scene) -> None:
    """Buttons that ask the next question."""
    if scene.target is None or scene.main.prediction is None:
        return
    st.subheader("Next", anchor=False)
    with st.container(horizontal=True, gap="small"):
        _erase(scene)
        _against(scene)
        _another_method(scene)


def _erase(scene: Scene) -> None:
    view = scene.view
    if view.erase:
        st.button(
            "Put the region back", icon=":material/undo:", type="primary", on_click=change, args=(view,),
            kwargs={"start": True, "erase": None},
        )  # fmt: skip
        return
    for name, question in scene.main.questions.items():
        snapshot = jobs.look(question)
        if snapshot is None or snapshot.state != "finished" or snapshot.value.blank:
            continue
        boxes = strongest(snapshot.value)
        if boxes:
            st.button(
                f"Erase the {SHARE:.0%} that {method_named(name).title} marks most", icon=":material/ink_eraser:", type="primary",
                help="If the map is right, the prediction should fall more than for any other region of this size.",
                on_click=change, args=(view,), kwargs={"start": True, "erase": RegionEdit(boxes), "beside": ""},
            )  # fmt: skip
            return


def _against(scene: Scene) -> None:
    assert scene.target is not None
    assert scene.main.prediction is not None
    if isinstance(scene.target, Contrast):
        st.button(
            f"Only {literal(scene.labels[scene.target.index])}", icon=":material/filter_1:", on_click=change, args=(scene.view,),
            kwargs={"start": True, "against": None},
        )  # fmt: skip
        return
    rival = next(index for index in scene.main.prediction.top(2) if index != scene.target.index)
    st.button(
        f"Against {literal(scene.labels[rival])}", icon=":material/balance:", on_click=change, args=(scene.view,),
        kwargs={"start": True, "against": rival}, help="Which pixels tip the balance between the two.",
    )  # fmt: skip


def _another_method(scene: Scene) -> None:
    missing = [name for name in WORTH_ADDING if name not in scene.view.methods]
    if not missing or len(scene.view.methods) >= MOST_METHODS:
        return
    st.button(
        f"Add {method_named(missing[0]).title}", icon=":material/add:", on_click=change, args=(scene.view,),
        kwargs={"start": True, "methods": (*scene.view.methods, missing[0])},
    )  # fmt: skip
