"""The theme a page is shown in."""

from __future__ import annotations

import streamlit as st

from components.palette import Theme


def current_theme() -> Theme:
    """Light or dark, as the browser shows the page now; light until it has told."""
    return "dark" if st.context.theme.type == "dark" else "light"
