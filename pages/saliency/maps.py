"""Look: the maps as they form, side by side, those of one unit on one scale."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from backend.engine.job import Snapshot
from backend.markdown import literal
from backend.methods.question import Question
from backend.methods.registry import method_named
from backend.methods.saliency.result import Saliency
from components import jobs
from components.figures.cells import drawn_cells, scale_ends, scale_of
from components.figures.frame import SMALL, enlarged
from components.figures.layers import layer_picture
from components.figures.maps import MAP_HEIGHT, saliency_map
from components.live_figure import live_figure
from components.pictures import picture
from components.theme import current_theme
from pages.saliency import trust
from pages.saliency.link import change
from pages.saliency.run import in_words
from pages.saliency.scene import Row, Scene
from pages.saliency.view import GRAINS, View

POLL_SECONDS = 0.4  # four maps drawn at 2.5 Hz leave a two-core machine time for the passes
LEGEND_HELP = (
    "Orange pixels raise the target, blue ones lower it, clear ones do neither. Maps of one unit share one scale; "
    "ranks compare maps of different units."
)


def view_row(view: View, frame: np.ndarray) -> None:
    """How maps are drawn; nothing here needs a pass."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        st.session_state["sal_look"] = view.look
        st.segmented_control(
            "Show", ["overlay", "map", "photo"], key="sal_look", required=True, label_visibility="collapsed",
            format_func={"overlay": "Overlay", "map": "Map only", "photo": "Photo"}.__getitem__,
            on_change=lambda: change(view, look=st.session_state.sal_look),
        )  # fmt: skip
        if min(frame.shape[:2]) >= SMALL:
            st.session_state["sal_grain"] = view.grain
            st.segmented_control(
                "Cells", GRAINS, key="sal_grain", required=True, label_visibility="collapsed",
                format_func=lambda grain: f"{grain} px", on_change=lambda: change(view, grain=st.session_state.sal_grain),
            )  # fmt: skip
        with st.popover("Opacity and ranks", type="tertiary", icon=":material/contrast:"):
            st.session_state["sal_opacity"] = view.opacity
            st.slider(
                "Opacity of the map, %", 10, 100, step=5, key="sal_opacity",
                on_change=lambda: change(view, opacity=st.session_state.sal_opacity),
            )  # fmt: skip
            st.session_state["sal_ranks"] = view.ranks
            st.toggle(
                "Ranks instead of values", key="sal_ranks",
                help="The share of cells that are no stronger: comparable between any two maps, but says nothing of size.",
                on_change=lambda: change(view, ranks=st.session_state.sal_ranks),
            )  # fmt: skip
        st.markdown(":blue[■] speaks against :orange[■] speaks for · zero is clear", help=LEGEND_HELP, width="content")


def live(scene: Scene) -> None:
    """Progress, maps and checks, redrawn while anything moves; a full run follows each map that ends, and the last check."""
    active, ended = _active(scene), _ended(scene)
    st.fragment(_draw, run_every=POLL_SECONDS if active else None)(scene, active, ended)


def _draw(scene: Scene, was_active: bool, had_ended: int) -> None:
    snapshots = {question: jobs.look(question) for question in scene.questions}
    with st.container():  # there with and without progress, so that the maps below are not mounted anew
        _progress(scene, snapshots)
    values = [s.value for s in snapshots.values() if s is not None and s.value is not None]
    ends = scale_ends(values, scene.view.grain, ranks=scene.view.ranks)
    for row in scene.rows:
        with st.container():
            if len(scene.rows) > 1:
                st.markdown(f"**{literal(row.title)}**")
        with st.grid(4, min_column_width=225, gap="small"):
            for name, question in row.questions.items():
                with st.container(border=True, height="stretch", key=f"card_{row.name}_{name}"):
                    _card(scene, row, question, snapshots[question], ends)
    trust.panel(scene, snapshots)
    if _ended(scene) != had_ended or (was_active and not _active(scene)):
        st.rerun()


def _active(scene: Scene) -> bool:
    moving = [jobs.look(question) for question in scene.questions]
    return any(s is not None and not s.final for s in moving) or trust.active(scene)


def _ended(scene: Scene) -> int:
    """How many maps will not change any more: the rest of the page offers what it can do with them."""
    return sum(snapshot is not None and snapshot.final for snapshot in map(jobs.look, scene.questions))


def _progress(scene: Scene, snapshots: dict[Question, Snapshot | None]) -> None:
    followed = [s for s in snapshots.values() if s is not None]
    moving = [s for s in followed if not s.final]
    if not moving:
        return
    parts = [f"{sum(s.final for s in followed)} of {len(followed)} done"]
    for s in moving:
        title = method_named(s.question.method).title
        parts.append(f"{title} {s.done:,} of {s.total:,}" if s.total else f"{title} waits")
    left = [s.seconds_left for s in moving]
    if all(seconds is not None for seconds in left):
        parts.append(f"{in_words(sum(seconds or 0 for seconds in left))} left at most")
    share = sum(1.0 if s.final else s.done / s.total if s.total else 0.0 for s in followed) / len(followed)
    st.progress(min(share, 1.0), " · ".join(parts))


def _card(scene: Scene, row: Row, question: Question, snapshot: Snapshot | None, ends: dict[str, float]) -> None:
    method = method_named(question.method)
    st.markdown(f"**{method.title}**", help=method.teaching.text)
    value: Saliency | None = snapshot.value if snapshot else None
    if snapshot is not None and snapshot.state == "failed":
        _failed(question, snapshot)
        return
    if value is None:
        _empty(question, snapshot)
        return
    with st.container(gap="xsmall"):
        st.caption(value.note)
        if value.blank:
            st.caption(f":material/visibility_off: {value.blank}")
    drawn = drawn_cells(value, scene.view.grain, ranks=scene.view.ranks)
    figure = saliency_map(
        drawn.cells, row.frame, limit=ends[scale_of(value, ranks=scene.view.ranks)], unit=drawn.unit, theme=current_theme(),
        cell=drawn.cell, view=scene.view.look, opacity=scene.view.opacity / 100,
    )  # fmt: skip
    alt = f"{method.title} map for {scene.labels[value.target.index]} over {row.title}"
    live_figure(figure, key=f"map_{row.name}_{question.method}", height=MAP_HEIGHT, alt=alt)
    st.caption(f"{value.unit} · {_passes(value)} · {value.seconds:.1f} s")
    if snapshot is not None and snapshot.state == "stopped":
        _stopped(question, snapshot)
    if row.name == "photo":
        trust.badges(question)


def _passes(value: Saliency) -> str:
    count = value.passes.forward
    return f"{count:,} pass{'es' if count > 1 else ''}"


def _empty(question: Question, snapshot: Snapshot | None) -> None:
    if snapshot is None:
        st.caption("not run yet")
        st.container(height=MAP_HEIGHT, border=False).caption("Press Run to ask for this map.")
    elif snapshot.state == "stopped":
        st.caption("stopped before its first picture")
        _finish_button(question)
    else:
        st.caption("waiting for its turn")
        st.skeleton(MAP_HEIGHT)


def _failed(question: Question, snapshot: Snapshot) -> None:
    st.caption("no map")
    st.markdown(f":material/block: {literal(snapshot.reason, 400)}")
    if snapshot.hint:
        st.caption(literal(snapshot.hint, 300))
    st.button("Try again", key=f"again_{question.hash}", width="stretch", on_click=_again, args=(question,))


def _stopped(question: Question, snapshot: Snapshot) -> None:
    st.badge(f"Stopped at {snapshot.done:,} of {snapshot.total:,}", icon=":material/front_hand:", color="gray")
    _finish_button(question)


def _finish_button(question: Question) -> None:
    st.button(
        "Finish", icon=":material/play_arrow:", key=f"again_{question.hash}", width="stretch", on_click=_again, args=(question,),
        help="Goes on where it stopped.",
    )  # fmt: skip


def _again(question: Question) -> None:
    st.session_state["again"] = question.hash
    st.rerun()  # the whole page: this button is in a fragment, and only a full run asks and starts the timer


def layer_strip(scene: Scene) -> None:
    """Grad-CAM at every layer; a press shows one above."""
    question = scene.main.questions.get("grad_cam")
    snapshot = jobs.look(question) if question else None
    if question is None or snapshot is None or snapshot.value is None or not snapshot.value.layers:
        return
    st.subheader("Grad-CAM at every layer", anchor=False)
    st.caption("One pass gives all of them, each on its own scale. Press a layer to use it above.")
    layers: dict[str, np.ndarray] = dict(snapshot.value.layers)
    used, theme = question.params.layer or list(layers)[-1], current_theme()
    with st.grid(9, min_column_width=92, gap="small"):
        for name, cells in layers.items():
            with st.container(gap="xsmall"):
                shown = partial(layer_picture, cells, enlarged(scene.main.frame), theme)
                st.image(
                    picture(f"{question.hash} {name} {theme}", shown),
                    width="stretch",
                    output_format="PNG",
                    alt=f"Grad-CAM at {name}",
                )
                st.button(
                    name, key=f"layer_{name}", width="stretch", type="secondary" if name == used else "tertiary",
                    help=f"{cells.shape[0]} × {cells.shape[1]} cells", on_click=_use_layer, args=(scene.view, name),
                )  # fmt: skip


def _use_layer(view: View, layer: str) -> None:
    change(view, params={**view.params, "grad_cam.layer": layer})
