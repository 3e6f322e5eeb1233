"""The explorer: which units do what."""

from __future__ import annotations

import streamlit as st

from pages.neurons.scene import Scene


def show(scene: Scene) -> None:
    """Search, where units sit, how they differ, and the list of those that match."""
    st.header("Which units do what?", anchor=False)
    if scene.card is None:
        st.caption(":material/hourglass_top: Loading the model.")
