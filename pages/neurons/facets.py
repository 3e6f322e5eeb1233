"""Facets: classes, rarity and names as filters, and the units that pass them all, in the search's order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from backend.markdown import literal
from backend.methods.neurons.ranking import strongest
from pages.neurons.columns import RARE_PERCENT, Columns, Family
from pages.neurons.finds import Found
from pages.neurons.link import change
from pages.neurons.scene import Scene
from pages.neurons.table import LISTED
from pages.neurons.view import Kinds, View

FEWEST = 12  # units listed of a ranking, however small the model
RARE, LABELLED, TESTED = "rare", "labelled", "tested"
ORDERS = ("write_kurtosis", "kurtosis", "maximum")  # what the list goes by where nothing is searched and nothing chosen


@dataclass(frozen=True)
class Matches:
    """places: flat places of the listed units, best first; total: how many pass; order: what they go by, in words.

    ranked: whether the list is the best of a ranking and not all that match.
    """

    places: np.ndarray
    total: int
    order: str
    ranked: bool


def matching(scene: Scene, known: Columns, found: Found | None) -> Matches:
    """The units that the search found and all facets let through."""
    scores, order = (found.scores, found.order) if found is not None else _by_statistic(scene.view, known)
    if found is not None and scene.view.order in known.statistics:
        chosen = known.statistics[scene.view.order]
        scores, order = np.where(np.isfinite(scores), chosen.values, np.nan), f"most {literal(chosen.title)} first"
    through = passing(scene.view, known)
    ranked = found is None or found.ranks
    most = min(LISTED, max(FEWEST, known.units // 20)) if ranked else LISTED
    return Matches(strongest(scores, most, through), int((np.isfinite(scores) & through).sum()), order, ranked)


def passing(view: View, known: Columns) -> np.ndarray:
    """Which units the layer and the facets of the view let through, bool (units,): any class of a family, and all the rest."""
    through = np.ones(known.units, bool)
    names = [layer.name for layer in known.layers]
    if view.layer in names:
        through &= known.layer_of() == names.index(view.layer)
    for family in known.families.values():
        chosen = [name for name in family.names if slug(name) in view.facets]
        if chosen:
            through &= np.logical_or.reduce([family.members(name) for name in chosen])
    if RARE in view.facets and "firing_rate" in known.statistics:
        through &= known.statistics["firing_rate"].values < RARE_PERCENT
    for facet, places in ((LABELLED, known.labels), (TESTED, [place for place, label in known.labels.items() if label.test])):
        if facet in view.facets:
            there = np.zeros(known.units, bool)
            there[list(places)] = True
            through &= there
    return through


def slug(name: str) -> str:
    """A class' name as links write it."""
    return name.replace(" ", "-")


def shown_kinds(view: View, known: Columns) -> Kinds:
    """The family whose classes are on screen: the view's, or the first that is known."""
    if view.kinds in known.families:
        return view.kinds
    return next(iter(known.families), "")


def pills(scene: Scene, known: Columns) -> None:
    """The facets as pills, and the layer where one is chosen."""
    options = offered(scene.view, known)
    if not options and not scene.view.layer:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if scene.view.layer:
            st.button(
                literal(f"Only {scene.view.layer}"), icon=":material/close:", on_click=change, args=(scene.view,),
                kwargs={"layer": ""}, help="Show all layers again.",
            )  # fmt: skip
        if options:
            chosen = [facet for facet in scene.view.facets if facet in options]
            # A click on the map chooses too. A polling fragment may still bring what the pills were before it, so pills that
            # show something else are other pills.
            key = f"neurons_facets_{','.join(chosen)}"
            st.pills(
                "Filters", list(options), default=chosen, selection_mode="multi", key=key, format_func=options.__getitem__,
                wrap=True, on_change=lambda: _choose(scene.view, options, key), label_visibility="collapsed",
            )  # fmt: skip


def offered(view: View, known: Columns) -> dict[str, str]:
    """The facets on offer, by the name links use, as pills read; those that would let nothing through are left out."""
    kinds = shown_kinds(view, known)
    classes: list[tuple[Family, str]] = [(known.families[kinds], name) for name in known.families[kinds].names] if kinds else []
    options = {slug(name): literal(name.capitalize()) for family, name in classes if family.members(name).any()}
    for family in known.families.values():
        options |= {slug(name): literal(name.capitalize()) for name in family.names if slug(name) in view.facets}
    if "firing_rate" in known.statistics:
        options[RARE] = f"Fires on < {RARE_PERCENT:.0f} %"
    if known.labels:
        options[LABELLED] = "Has a name"
    if any(label.test for label in known.labels.values()):
        options[TESTED] = "Tested name"
    return options


def _choose(view: View, options: dict[str, str], key: str) -> None:
    kept = [facet for facet in view.facets if facet not in options]
    change(view, facets=(*kept, *st.session_state[key]))


def _by_statistic(view: View, known: Columns) -> tuple[np.ndarray, str]:
    """The order of the list where nothing is searched for: by the view's statistic, or the first that is known."""
    name = next((name for name in (view.order, *ORDERS) if name in known.statistics), None)
    if name is None:
        return np.zeros(known.units, np.float32), "layer by layer"
    return known.statistics[name].values, f"largest {literal(known.statistics[name].title)} first"
