"""An empty room: what a page that is not built yet will answer, said plainly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class Promise:
    """One thing that will be there: an icon's name, a title and a sentence."""

    icon: str
    title: str
    text: str


def room(question: str, aim: str, promises: Sequence[Promise], planned: Sequence[str], from_saliency: str) -> None:
    """Draw the room: the question, what is asked here, what will be there, what is planned, and the way back."""
    st.header(question)
    st.write(aim)
    st.badge("Not built yet: nothing on this page computes anything", icon=":material/construction:", color="gray")
    st.subheader("What will be here")
    grid = st.grid(3, min_column_width=225, gap="medium")
    for promise in promises:
        with grid.cell():
            st.markdown(f"**:material/{promise.icon}: {promise.title}**")
            st.caption(promise.text)
    st.subheader("What is planned")
    st.markdown("\n".join(f"- {line}" for line in planned))
    st.subheader("Until then")
    st.write(from_saliency)
    st.page_link("pages/saliency/page.py", label="To image saliency", icon=":material/photo:")
