"""The unit card: what drives it, what it drives, what it is called, and what changes without it."""

from __future__ import annotations

import streamlit as st

from backend.markdown import literal
from backend.methods.neurons.unit import Unit, unit_title
from backend.models.card import UnitKind, UnitLayer
from backend.store.labels import Label, Labels
from components.figures.density import DENSITY_HEIGHT
from pages.neurons import (
    answers,
    badges,
    change,
    connected,
    draw,
    examples,
    familiar,
    fires,
    index_state,
    keep,
    name,
    push,
    writes,
)
from pages.neurons.link import Place, place_among_matches
from pages.neurons.link import change as show_view
from pages.neurons.scene import Scene


def show(scene: Scene) -> None:
    """The whole card; before the model is loaded its frame with skeletons."""
    answers.begin()
    index_state.tend(scene)
    label = best_label(scene)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(literal(title(scene, label)), anchor=False, width="content")
        st.space("stretch")
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):  # wraps as one
            _neighbours(scene)
            keep.tools(scene)
    if scene.unit is None:
        _skeletons()
        return
    badges.row(scene, label)
    index_state.bar(scene)
    if scene.reads_text:
        _of_text(scene)
    else:
        _of_image(scene)
    answers.watch()


def title(scene: Scene, label: Label | None) -> str:
    """The unit's best name in quotes; where it has none, what it is."""
    if label is not None:
        return label.text if "“" in label.text else f"“{label.text}”"  # a machine's names quote the words they are of
    layer = layer_of(scene)
    if scene.unit is not None and layer is not None:
        return unit_title(scene.unit, layer.kind)
    layer_name, _, number = scene.view.unit.rpartition(":")  # the model is still loading: what the link says
    kinds: dict[str, UnitKind] = {"attention": "head", "mlp": "neuron"}
    return unit_title(Unit(layer_name, int(number)), kinds.get(layer_name.partition(".")[0], "channel"))


def best_label(scene: Scene) -> Label | None:
    """The label that stands first; None where the unit has none, or before the model's revision is known."""
    if scene.unit is None or not scene.view.revision:
        return None
    found = Labels(scene.view.model, scene.view.revision).of(scene.unit)
    return found[0] if found else None


def layer_of(scene: Scene) -> UnitLayer | None:
    """The layer of the scene's unit."""
    return next((layer for layer in scene.layers if scene.unit is not None and layer.name == scene.unit.layer), None)


def _of_text(scene: Scene) -> None:
    grid = st.grid(3, min_column_width=270, gap="small")
    for section in (fires.section, writes.section, name.section):
        with grid.container(border=True, height="stretch"):
            section(scene)
    above = st.container()
    change.section(scene)
    connected.section(scene)
    with above:  # last: the first card after a start cuts the whole corpus into tokens
        examples.section(scene)


def _of_image(scene: Scene) -> None:
    examples.section(scene)
    grid = st.grid(3, min_column_width=270, gap="small")
    for section in (fires.section, push.section, name.section):
        with grid.container(border=True, height="stretch"):
            section(scene)
    change.section(scene)
    draw.section(scene)
    familiar.section(scene)


def _neighbours(scene: Scene) -> None:
    place = place_among_matches(scene.view) or in_layer(scene.unit, layer_of(scene))
    st.button(
        "All results", icon=":material/arrow_back:", type="tertiary", on_click=show_view, args=(scene.view,), kwargs={"unit": ""},
        help="Back to the list that this unit was opened from.",
    )  # fmt: skip
    if place is None:
        return
    _step(scene, place.before, "chevron_left", "K", "The unit before")
    st.caption(f"{place.number:,} of {place.total:,}", width="content")
    _step(scene, place.after, "chevron_right", "J", "The next unit")


def _step(scene: Scene, unit: str, icon: str, shortcut: str, words: str) -> None:
    st.button(
        "", key=f"card_{icon}", icon=f":material/{icon}:", shortcut=shortcut, help=words, disabled=not unit,
        on_click=show_view, args=(scene.view,), kwargs={"unit": unit},
    )  # fmt: skip


def in_layer(unit: Unit | None, layer: UnitLayer | None) -> Place | None:
    """The unit's place in its layer: what is stepped through where it was opened from no list."""
    if unit is None or layer is None:
        return None
    before = Unit(unit.layer, unit.index - 1).text if unit.index else ""
    after = Unit(unit.layer, unit.index + 1).text if unit.index + 1 < layer.count else ""
    return Place(unit.index + 1, layer.count, before, after)


def _skeletons() -> None:
    st.caption(":material/hourglass_top: Loading the model. The card fills as soon as it is there.")
    with st.grid(3, min_column_width=270, gap="small"):
        for _ in range(3):
            st.skeleton(DENSITY_HEIGHT)
