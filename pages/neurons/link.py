"""The browser's address as the page's one state: read at each run, written by each change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from backend.engine import engine
from backend.methods.question import ModelRef
from pages.neurons.view import NOT_VIEW, View, read, write

_LAST = "neurons_link"
_LAST_MODEL = "neurons_model"
_MATCHES = "neurons_matches"
MATCHES_KEPT = 200
ANY_MODEL = ("prompt", "photo", "region", "mode", "band", "full")  # what still means something when another model is chosen


def current() -> tuple[View, list[str]]:
    """The view to show and what in the link could not be followed; an empty link brings back this session's last view."""
    model = st.session_state.model
    link = {key: value for key, value in st.query_params.to_dict().items() if key not in NOT_VIEW}
    last = st.session_state.get(_LAST, {})
    link = link or last
    if link == last and st.session_state.get(_LAST_MODEL, model) != model:  # layers and units are the other model's
        link = {key: value for key, value in link.items() if key in ANY_MODEL}
    put(link)
    st.session_state[_LAST], st.session_state[_LAST_MODEL] = link, model
    view, problems = read(link, model)
    card = engine().workshop.card(ModelRef(model))
    return replace(view, revision=card.revision if card else ""), problems


def change(view: View, **fields: Any) -> None:
    """Show the view with these fields changed from the next run on."""
    link = write(replace(view, **fields))
    st.session_state[_LAST] = link
    put(link)


def address(view: View, **fields: Any) -> str:
    """The relative address of the view with these fields changed: for links in tables and for copying."""
    from urllib.parse import urlencode

    return f"/neurons?{urlencode({'model': view.model} | write(replace(view, **fields)))}"


def put(link: Mapping[str, str]) -> None:
    """Write the address, leaving alone what stands there already and the sidebar's part."""
    for key in [key for key in st.query_params if key not in link and key not in NOT_VIEW]:
        del st.query_params[key]
    for key, value in link.items():
        if st.query_params.get(key) != value:
            st.query_params[key] = value


@dataclass(frozen=True)
class Place:
    """Where a unit stands in the list it was opened from; `before` and `after` are units as links write them, "" at the ends."""

    number: int
    total: int
    before: str
    after: str


def keep_matches(view: View, units: Sequence[str]) -> None:
    """Remember the units listed by the explorer, so that their cards know the next and the one before."""
    st.session_state[_MATCHES] = (view.model, list(units[:MATCHES_KEPT]))


def place_among_matches(view: View) -> Place | None:
    """The place of the view's unit in the explorer's last list of this model; None where it is not in it."""
    model, units = st.session_state.get(_MATCHES, ("", []))
    if model != view.model or view.unit not in units:
        return None
    at = units.index(view.unit)
    return Place(at + 1, len(units), units[at - 1] if at else "", units[at + 1] if at + 1 < len(units) else "")
