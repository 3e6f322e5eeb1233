"""Read what drives it: examples of every strength, chosen by band, as shaded text or as pictures."""

from __future__ import annotations

import streamlit as st

from backend.store.unit_index import Band
from components.tokens import legend
from pages.neurons import image_examples, text_examples
from pages.neurons.link import change
from pages.neurons.scene import Scene

BANDS: dict[Band, str] = {"top": "Top", "high": "99 %", "middle": "50 %", "random": "Random", "bottom": "Bottom"}
BAND_WORDS: dict[Band, str] = {
    "top": "the strongest of the corpus",
    "high": "between the 99th and the 99.9th percentile",
    "middle": "between the median and the 90th percentile",
    "random": "drawn at random, whatever the unit does",
    "bottom": "the weakest of the corpus",
}
SIZES = {True: {False: "Phrase", True: "Full"}, False: {False: "Field", True: "Whole photo"}}
HELP = (
    "The strongest examples alone flatter a name: most units fire on more than their top shows. Read the other bands too. "
    "One scale for all bands, so that weak examples look weak."
)
ROWS = 5


def section(scene: Scene) -> None:
    """Which band, how much of each example, and the examples."""
    st.subheader("Read what drives it", anchor=False)
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        _band(scene)
        _size(scene)
        if scene.reads_text:
            st.markdown(legend(), help=HELP, width="content")
    if scene.record is None or scene.index is None or scene.corpus is None:
        for _ in range(ROWS):
            st.skeleton(34)
    elif not scene.record.examples.get(scene.view.band):
        st.caption(f"The index holds no examples {BAND_WORDS[scene.view.band]} yet.")
    elif scene.reads_text:
        text_examples.rows(scene)
    else:
        image_examples.grid(scene)


def _band(scene: Scene) -> None:
    st.session_state["card_band"] = scene.view.band
    st.segmented_control(
        "Examples", list(BANDS), key="card_band", required=True, label_visibility="collapsed", format_func=BANDS.__getitem__,
        on_change=lambda: change(scene.view, band=st.session_state.card_band),
    )  # fmt: skip


def _size(scene: Scene) -> None:
    st.session_state["card_full"] = scene.view.full
    st.segmented_control(
        "How much of each", [False, True], key="card_full", required=True, label_visibility="collapsed",
        format_func=SIZES[scene.reads_text].__getitem__, on_change=lambda: change(scene.view, full=st.session_state.card_full),
    )  # fmt: skip
