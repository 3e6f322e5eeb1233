"""Intervene: take a part of the photo away, or put another photo beside it, and see what moves."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from backend.data import samples
from backend.limits import SHAPES_IN_REGION
from backend.markdown import literal
from backend.methods.question import Contrast, Fill, RegionEdit
from components.figures.regions import Tool, drawn_shapes, photo_with_region
from components.live_figure import live_figure
from components.theme import current_theme
from pages.saliency.choose import prediction
from pages.saliency.link import change
from pages.saliency.region_text import write_region
from pages.saliency.scene import Row, Scene, kind_of
from pages.saliency.view import View

CANVAS = 300
FILLS: dict[Fill, str] = {"blur": "Blur", "grey": "Grey", "noise": "Noise"}


def section(scene: Scene) -> None:
    """The canvas on the left, what the model says of the changed photo on the right."""
    st.subheader("What if part of it were gone?", anchor=False)
    st.caption("Draw a box or a stroke on the photo, then erase it or keep only it: the prediction and the maps follow.")
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=CANVAS):
            _canvas(scene)
        with st.container(width="stretch"):
            _answer(scene)
            _beside(scene)


def _canvas(scene: Scene) -> None:
    view, edit = scene.view, scene.view.erase
    tool: Tool = st.segmented_control(
        "Tool", get_args(Tool), default="box", required=True, key="tool", label_visibility="collapsed", format_func=str.capitalize
    )
    side = min(scene.main.frame.shape[:2])
    brush = max(1.0, side / 10)
    base = edit.shapes if edit else ()
    revision = f"{scene.main.image.content} {write_region(edit) if edit else ''} {st.session_state.get('cleared', 0)}"
    figure = photo_with_region(scene.main.frame, current_theme(), tool, brush, revision, base)
    state = live_figure(figure, key="canvas", height=CANVAS, alt="The photo, to draw a region on", on_draw="rerun")
    shapes = (*base, *drawn_shapes(state.shapes))
    fill = st.segmented_control(
        "Fill with", list(FILLS), default=edit.fill if edit else "blur", required=True, key="fill", format_func=FILLS.__getitem__,
        help="What takes the region's place. A model may react to the fill itself: try two before you believe one.",
    )  # fmt: skip
    region = shapes[:SHAPES_IN_REGION]
    with st.container(horizontal=True, gap="small"):
        for label, keep in (("Erase it", False), ("Keep only it", True)):
            st.button(
                label, disabled=not shapes, on_click=_apply, args=(view, RegionEdit(region, fill or "blur", keep)),
                type="primary" if shapes and not keep and not edit else "secondary",
            )  # fmt: skip
        st.button("Undo", icon=":material/undo:", type="tertiary", disabled=not shapes, on_click=_undo, args=(view,), key="undo")
    if shapes:
        _units(scene.main.image.content, RegionEdit(region))


def _units(content: str, region: RegionEdit) -> None:
    """Lead on to the units that the region excites more than is usual for them."""
    if st.button(
        "Which units see this?", icon=":material/scatter_plot:", help="Opens the neuron page with this region."
    ):
        link = {"search": "photo", "photo": content, "region": write_region(region)}
        st.switch_page("pages/neurons/page.py", query_params=link)  # the model is the sidebar's and stays


def _apply(view: View, edit: RegionEdit) -> None:
    change(view, start=True, erase=edit, beside="")


def _undo(view: View) -> None:
    st.session_state["cleared"] = st.session_state.get("cleared", 0) + 1
    change(view, start=True, erase=None)


def _answer(scene: Scene) -> None:
    if len(scene.rows) < 2:
        st.caption(":material/gesture: Nothing is taken away yet.")
        return
    beside = scene.rows[1]
    sentence = _moved(scene, beside)
    if sentence:
        st.markdown(sentence)
    with st.container(horizontal=True, gap="medium"):
        st.image(beside.picture, width=150, output_format="PNG", alt=f"{beside.title}, as the model sees it")
        with st.container(width=300):
            prediction(scene, beside, key="bars_beside")


def _moved(scene: Scene, beside: Row) -> str | None:
    """What the change did to the target, in one sentence with its numbers."""
    if scene.target is None or scene.main.prediction is None or beside.prediction is None:
        return None
    index, labels = scene.target.index, scene.labels
    before, after = scene.main.prediction, beside.prediction
    first = after.top(1)[0]
    text = (
        f"**{literal(labels[index])}** goes from {before.probabilities[index]:.2f} to **{after.probabilities[index]:.2f}** "
        f"(logit {before.logits[index]:.1f} to {after.logits[index]:.1f})."
    )
    if isinstance(scene.target, Contrast):
        lead = [p.logits[index] - p.logits[scene.target.against] for p in (before, after)]
        text += f" Its lead over {literal(labels[scene.target.against])} goes from {lead[0]:+.2f} to {lead[1]:+.2f}."
    if first != index:
        text += f" The model now says *{literal(labels[first])}*, {after.probabilities[first]:.2f}."
    return text


def _beside(scene: Scene) -> None:
    view = scene.view
    names = ["", *[item.name for item in samples.samples(kind_of(scene.model))]]
    if view.beside and view.beside not in names:
        names.append(view.beside)
    st.session_state["sal_beside"] = view.beside
    st.selectbox(
        "Or put another photo beside it", names, key="sal_beside", format_func=lambda name: _title(name),
        on_change=lambda: change(view, start=True, beside=st.session_state.sal_beside, erase=None),
        help="The same target and the same methods asked of a second photo, on the same scales.",
    )  # fmt: skip


def _title(name: str) -> str:
    if not name:
        return "none"
    known = {item.name: item.title for kind in get_args(samples.Kind) for item in samples.samples(kind)}
    return "your photo" if len(name) == 64 else known.get(name, f"{name}, which is not here")
