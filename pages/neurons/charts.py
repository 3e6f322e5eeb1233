"""Where units sit and how they differ: the two charts of the explorer, whose clicks filter and open."""

from __future__ import annotations

import numpy as np
import streamlit as st

from backend.markdown import literal
from backend.methods.neurons.unit import unit_at
from components.figures.unit_classes import map_height, median_map, share_map
from components.figures.unit_scatter import MOST_POINTS, clicked_place, drawn_places, unit_scatter
from components.live_figure import Click, live_figure
from components.palette import Theme
from pages.neurons.columns import FAMILY_TITLES, METHODS, UNCLASSED, Columns, Family
from pages.neurons.facets import Matches, shown_kinds, slug
from pages.neurons.link import change
from pages.neurons.scene import Scene
from pages.neurons.view import Kinds, View

HEIGHT = 250
WHERE_HELP = "How many of each layer's neurons are of each class, on a square-root scale. A click lists the units of that cell."
MEDIAN_HELP = "The median unit of each layer, each row on its own scale. A click lists that layer by that statistic."
DIFFER_HELP = "Those of the list below in green. A click opens a unit; a dragged box zooms, a double click undoes."
DEFAULTS = {"across": ("firing_rate", "write_variance", "mean"), "up": ("write_kurtosis", "kurtosis", "read_write", "maximum")}


def where(scene: Scene, known: Columns, theme: Theme) -> None:
    """Classes by layers; without classes, statistics by layers."""
    if scene.reads_text:
        _classes(scene, known, theme)
    else:
        _medians(scene, known, theme)


def _classes(scene: Scene, known: Columns, theme: Theme) -> None:
    kinds = shown_kinds(scene.view, known)
    st.markdown("**Where they sit** · share of each layer's neurons, %", help=WHERE_HELP)
    if known.families:
        _switch(scene.view, known, kinds)
    else:
        for wait in known.waits.values():
            if wait.problem:
                st.caption(f":material/info: {literal(wait.problem, 300)}")
        if any(wait.awaited for wait in known.waits.values()):
            st.skeleton(HEIGHT)
        return
    family = known.families[kinds]
    layers = [(number, layer) for number, layer in enumerate(known.layers) if layer.kind == "neuron"]
    counts = family.counts(known.layers)[1:, [number for number, _ in layers]]  # the first class holds all that fit no other
    names, shown = family.names[1:], [layer.name for _, layer in layers]
    totals = np.array([layer.count for _, layer in layers])
    chosen = next((name for name in names if slug(name) in scene.view.facets), "")
    figure = share_map(names, shown, counts, totals, theme, (chosen, scene.view.layer))
    live_figure(
        figure, key=f"neurons_classes_{kinds}", height=map_height(len(names)),
        alt=f"Share of neurons {FAMILY_TITLES[kinds]}, {len(names)} classes by {len(shown)} layers",
        on_select=lambda click: _filter(scene.view, names, shown, click),
    )  # fmt: skip
    st.caption(_shares(family))
    for wait in known.waits.values():
        if wait.awaited:
            share = f": {100 * wait.done / wait.total:.0f} %" if wait.total else ""
            st.caption(f":material/hourglass_top: Classes by what neurons write are on their way{share}.")


def _shares(family: Family) -> str:
    """Share of each class over all layers, beside that of the control."""
    classes = family.classes[family.classes != UNCLASSED]
    parts = []
    for number, name in enumerate(family.names[1:], start=1):
        share = 100 * float((classes == number).mean()) if len(classes) else 0.0
        parts.append(f"{literal(name)} {share:.2g} % (shuffled {100 * float(family.control[number]):.2g})")
    return "In all: " + ", ".join(parts) + "."


def _switch(view: View, known: Columns, kinds: Kinds) -> None:
    offered = [name for name in METHODS if name in known.families]
    if len(offered) < 2:
        return
    st.session_state["neurons_kinds"] = kinds
    st.segmented_control(
        "Classes", offered, required=True, key="neurons_kinds", format_func=lambda name: FAMILY_TITLES[name].capitalize(),
        label_visibility="collapsed", on_change=lambda: change(view, kinds=st.session_state.neurons_kinds),
    )  # fmt: skip


def _filter(view: View, names: tuple[str, ...], layers: list[str], click: Click) -> None:
    """List the units of the clicked cell; a second click on it lists all again."""
    row, column = int(click.y), int(click.x)
    if not (0 <= row < len(names) and 0 <= column < len(layers)):
        return
    ours = {slug(name) for name in names}
    others = tuple(facet for facet in view.facets if facet not in ours)
    if slug(names[row]) in view.facets and view.layer == layers[column]:
        change(view, layer="", facets=others)
    else:
        change(view, layer=layers[column], facets=(*others, slug(names[row])))


def _medians(scene: Scene, known: Columns, theme: Theme) -> None:
    st.markdown("**Where they sit** · the median unit of each layer", help=MEDIAN_HELP)
    if not known.statistics:
        st.skeleton(HEIGHT)
        return
    names = [name for name, statistic in known.statistics.items() if np.nanmax(statistic.values) > np.nanmin(statistic.values)]
    ends = np.cumsum([layer.count for layer in known.layers])[:-1]
    columns = [np.split(known.statistics[name].values, ends) for name in names]
    medians = np.array([[np.nanmedian(part) if np.isfinite(part).any() else np.nan for part in row] for row in columns])
    layers = [layer.name for layer in known.layers]
    titles = [known.statistics[name].title for name in names]
    ordered = known.statistics[scene.view.order].title if scene.view.order in known.statistics else ""
    figure = median_map(titles, layers, medians, theme, (ordered, scene.view.layer))

    def pick(click: Click) -> None:
        row, column = int(click.y), int(click.x)
        if 0 <= row < len(names) and 0 <= column < len(layers):
            again = scene.view.order == names[row] and scene.view.layer == layers[column]
            change(scene.view, order="" if again else names[row], layer="" if again else layers[column])

    live_figure(
        figure, key="neurons_medians", height=map_height(len(names)), on_select=pick,
        alt=f"Median of {len(names)} statistics in each of {len(layers)} layers",
    )  # fmt: skip


def differ(scene: Scene, known: Columns, matches: Matches, theme: Theme) -> None:
    """All units as points of two statistics."""
    names = {"across": _statistic(scene.view, known, "across")}
    names["up"] = _statistic(scene.view, known, "up", names["across"])
    st.markdown("**How they differ** · one point a unit", help=DIFFER_HELP)
    if not names["across"] or not names["up"]:
        st.skeleton(HEIGHT)
        return
    _axes(scene.view, known, names)
    across, up = known.statistics[names["across"]], known.statistics[names["up"]]
    first = int(matches.places[0]) if len(matches.places) else None
    figure = unit_scatter(across, up, known.names, matches.places, theme, named=_drawn(first, across.values, up.values))

    def pick(click: Click) -> None:
        place = clicked_place(click.trace, click.customdata, known.names)
        if place is not None:
            change(scene.view, unit=unit_at(place, known.layers).text)

    live_figure(
        figure, key=f"neurons_scatter_{names['across']}_{names['up']}", height=HEIGHT, on_select=pick,
        alt=f"All units by {across.title} and {up.title}",
    )  # fmt: skip
    there = int((np.isfinite(across.values) & np.isfinite(up.values)).sum())
    if there > MOST_POINTS:
        drawn = len(drawn_places(across.values, up.values))
        st.caption(f"{drawn:,} of {there:,} units are drawn, picked at random; those of the list all are.")


def _drawn(place: int | None, across: np.ndarray, up: np.ndarray) -> int | None:
    return place if place is not None and np.isfinite(across[place]) and np.isfinite(up[place]) else None


def _statistic(view: View, known: Columns, axis: str, taken: str = "") -> str:
    """The statistic of an axis: the view's, or the first default that is known and not `taken`; "" where there is none."""
    chosen = getattr(view, axis)
    others = [name for name in (*DEFAULTS[axis], *known.statistics) if name != taken]
    return next((name for name in (chosen, *others, taken) if name in known.statistics), "")


def _axes(view: View, known: Columns, names: dict[str, str]) -> None:
    titles = {name: statistic.title for name, statistic in known.statistics.items()}
    with st.container(horizontal=True, gap="small"):
        for axis, label in (("up", "Up"), ("across", "Across")):
            st.session_state[f"neurons_{axis}"] = names[axis]
            st.selectbox(
                label, list(titles), key=f"neurons_{axis}", format_func=titles.__getitem__, label_visibility="collapsed",
                on_change=lambda axis=axis: change(view, **{axis: st.session_state[f"neurons_{axis}"]}),
            )  # fmt: skip
