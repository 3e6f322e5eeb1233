"""Four live figures in a polling fragment, and one to draw on: the app that test_live_figure.py opens."""

from __future__ import annotations

import functools
import time

import numpy as np
import streamlit as st

from components.figures.maps import saliency_map
from components.figures.regions import Tool, drawn_shapes, photo_with_region
from components.live_figure import live_figure

st.set_page_config(layout="wide")
photo = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)


@st.fragment(run_every=0.25)
def maps(side: int = 28) -> None:
    """Draw four maps of side × side cells that differ at every tick."""
    tick = time.monotonic_ns()
    for column, number in zip(st.columns(4), range(4), strict=True):
        with column:
            cells = np.random.default_rng(tick + number).normal(size=(side, side)).astype(np.float32)
            figure = saliency_map(cells, photo, limit=3.0, unit="logit per cell", theme="light")
            live_figure(figure, f"map{number}", 262, f"Map {number}")


def drawing() -> None:
    """Show what was clicked and drawn on a photo."""
    tools: list[Tool] = ["box", "brush"]
    tool = st.segmented_control("Tool", tools, default="box", required=True)
    revision = st.number_input("Clear", 0)
    figure = photo_with_region(photo, theme="light", tool=tool, brush=24, revision=str(revision))
    state = live_figure(figure, "region", 320, "The photo to draw on", on_draw="rerun")
    for shape in drawn_shapes(state.shapes):
        st.text(repr(shape)[:120])
    st.text(f"{len(state.shapes)} drawn")


def clicking() -> None:
    """Show what was clicked in a map."""
    figure = saliency_map(np.ones((7, 7), np.float32), photo, limit=1.0, unit="logit", theme="light")
    state = live_figure(figure, "clicks", 262, "The map to click", on_select="rerun")
    st.text(f"clicked {state.clicked.x:.0f}, {state.clicked.y:.0f}" if state.clicked else "nothing clicked")


SHOWN = {
    "maps": maps,
    "fine maps": functools.partial(maps, 224),
    "drawing": drawing,
    "clicking": clicking,
    "nothing": lambda: None,
}
SHOWN[st.radio("Show", list(SHOWN), horizontal=True)]()
