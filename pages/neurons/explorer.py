"""The explorer: search units, see where they sit and how they differ, and list those that match."""

from __future__ import annotations

import streamlit as st

from components.theme import current_theme
from pages.neurons import answers, charts, facets, index_state, search, table
from pages.neurons.columns import Columns, columns
from pages.neurons.finds import Found
from pages.neurons.link import address, change
from pages.neurons.scene import Scene


def show(scene: Scene) -> None:
    """The whole explorer; while the model loads, its frame with skeletons."""
    answers.begin()
    index_state.tend(scene)
    _header(scene)
    index_state.bar(scene)
    known = columns(scene)
    found = search.card(scene, known)
    if not known.units:
        _skeletons()
        return
    matches = facets.matching(scene, known, found)
    with st.grid(2, min_column_width=420, gap="medium"):
        with st.container():
            charts.where(scene, known, current_theme())
        with st.container():
            charts.differ(scene, known, matches, current_theme())
    _list(scene, known, found, matches)
    answers.watch()


def _header(scene: Scene) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Which units do what?", anchor=False, width="content")
        st.space("stretch")
        if scene.reads_text:
            st.button(
                "Read a sentence", icon=":material/short_text:", type="tertiary", on_click=change, args=(scene.view,),
                kwargs={"mode": "sentence"}, help="What the model makes of one text, token by token and layer by layer.",
            )  # fmt: skip
        with st.popover("Copy link", icon=":material/link:", type="tertiary"):
            st.caption("This view as a link, behind the address of this server:")
            st.code(address(scene.view), language=None, wrap_lines=True)


def _list(scene: Scene, known: Columns, found: Found | None, matches: facets.Matches) -> None:
    st.markdown(_heading(known, found, matches))
    facets.pills(scene, known)
    if found is not None and found.awaited:
        st.skeleton(table.ROW_PIXELS * 6)
        return
    if not matches.total and not (found is not None and found.problem):
        st.caption(":material/filter_alt_off: No unit fits all of this. Take a filter away, or search for something else.")
    table.show(scene, known, matches.places, found)


def _heading(known: Columns, found: Found | None, matches: facets.Matches) -> str:
    """How many units are listed, of how many, and by what."""
    if found is not None and found.awaited:
        return f"**Searching {known.units:,} units**"
    shown, total = len(matches.places), matches.total
    order = f" · {matches.order}" if total else ""
    if matches.ranked:
        return f"**The first {shown:,} of {total:,} units**{order}"
    cut = f" · the first {shown}" if shown < total else ""
    return f"**{total:,} {'unit matches' if total == 1 else 'units match'}** · of {known.units:,}{cut}{order}"


def _skeletons() -> None:
    with st.grid(2, min_column_width=420, gap="medium"):
        for _ in range(2):
            st.skeleton(charts.HEIGHT)
    st.skeleton(table.ROW_PIXELS * 6)
