"""The sidebar all pages share: the model, the device, and the queue, which also keeps this visitor's work alive."""

from __future__ import annotations

import streamlit as st

from backend.engine import engine
from backend.models.catalog import Entry, LanguageEntry, ModelError, entries, language_entries

QUEUE_SECONDS = 2.0
MODEL_HELP = "The model that is asked. Results of another model stay in the history."


def sidebar(*, language: bool = False) -> None:
    """Draw the sidebar; the chosen model's name is in `st.session_state.model` and in the link.

    language: whether the page takes language models too. A model chosen on another page that does not fit gives way to the
    default. Where the models on offer cannot be told, an error says why and the page is not drawn.
    """
    with st.sidebar:
        try:
            offered: tuple[Entry, ...] = (*entries(), *(language_entries() if language else ()))
        except ModelError as error:
            st.error(str(error))
            st.stop()
        on_offer = {entry.name: entry for entry in offered}
        if st.session_state.get("model", offered[0].name) not in on_offer:
            st.session_state["model"] = offered[0].name
        name = st.selectbox("Model", list(on_offer), key="model", bind="query-params", help=MODEL_HELP)
        st.caption(size_in_words(on_offer[name]), help=on_offer[name].summary)
        queue()


def size_in_words(entry: Entry) -> str:
    """Parameters, classes and input side of a model, e.g. "4.65 M parameters · 1,000 classes · 224²"; or its blocks."""
    if isinstance(entry, LanguageEntry):
        sizes = (entry.parameters and f"{_short(entry.parameters)} parameters", entry.blocks and f"{entry.blocks} blocks")
        return " · ".join(size for size in sizes if size)
    frame = entry.preprocess
    side = f"{frame.height}²" if frame.height == frame.width else f"{frame.height} × {frame.width}"
    parts = [f"{len(entry.labels):,} classes", side]
    if entry.parameters is not None:
        parts.insert(0, f"{_short(entry.parameters)} parameters")
    return " · ".join(parts)


@st.fragment(run_every=QUEUE_SECONDS)
def queue() -> None:
    """Draw device and queue, and renew the leases of this visitor's subscriptions on whatever page they are."""
    renew_leases()
    status = engine().status()
    st.caption(f":material/memory: {status.device}" if status.device else ":material/memory: Looking for a device")
    if status.problem:
        st.error(status.problem, icon=":material/error:")
    elif not status.ready:
        st.caption(":material/hourglass_top: Loading the model")
    elif status.running or status.waiting:
        st.progress(status.progress or 0.0, f"Queue: {status.running} running, {status.waiting} waiting")
    else:
        st.caption(":material/check_circle: Queue empty")


def renew_leases() -> None:
    """Tell the engine that someone still looks at the work listed in `st.session_state.subscriptions`."""
    subscriptions = st.session_state.get("subscriptions", [])
    if subscriptions:
        engine().renew(subscriptions)


def _short(count: int) -> str:
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)
