"""Vitrine: the router, and the sidebar that all pages share."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from components.sidebar import sidebar
from components.theme import current_theme

ASSETS = Path(__file__).resolve().parent / "assets"

st.set_page_config(page_title="Vitrine", page_icon=str(ASSETS / "icon.svg"), layout="wide", initial_sidebar_state=216)
st.logo(str(ASSETS / f"logo-{current_theme()}.svg"), size="large", icon_image=str(ASSETS / "icon.svg"))

saliency = st.Page(
    "pages/saliency/page.py",
    title="Image saliency",
    icon=":material/photo:",
    url_path="saliency",
    help="Which pixels a model's answer rests on, how far each explanation can be trusted, and what changes without them.",
)
neurons = st.Page(
    "pages/neurons/page.py",
    title="Neurons",
    icon=":material/scatter_plot:",
    url_path="neurons",
    help="What single units respond to and write, what they are called, and what changes without them; or one sentence, read.",
)
circuits = st.Page(
    "pages/circuits/page.py",
    title="Circuits",
    icon=":material/account_tree:",
    url_path="circuits",
    help="Which heads, blocks and edges carry an answer. Being built.",
)
steering = st.Page(
    "pages/steering/page.py",
    title="Steering",
    icon=":material/tune:",
    url_path="steering",
    help="Which directions move a model's answers, how far, and at what price. Being built.",
)


def root() -> None:
    """Lead "/" to the saliency page: a default page answers at "/" only, and "/saliency" must work too."""
    link = st.query_params.to_dict()
    link.pop("model", None)  # bound to the sidebar's widget, which writes it by itself
    st.switch_page(saliency, query_params=link)


page = st.navigation([saliency, neurons, circuits, steering, st.Page(root, title="Vitrine", default=True, visibility="hidden")])
sidebar(language=page.url_path == "neurons")
page.run()
