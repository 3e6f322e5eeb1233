"""The Python side of the live figure: what goes to the browser and what comes back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

ASSETS = Path(__file__).resolve().parent / "vitrine_figure" / "assets"
BUNDLE = ASSETS / "plotly.min.js"

Drawn = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Click:
    """A clicked point: its place on the axes, the number of its trace and what that carries as `customdata`."""

    x: Any
    y: Any
    trace: int
    customdata: Any = None


@dataclass(frozen=True)
class FigureState:
    """What the reader did: the point clicked in this very run, and all shapes drawn so far."""

    clicked: Click | None = None
    shapes: Drawn = ()


def live_figure(
    figure: Mapping[str, Any],
    key: str,
    height: int,
    alt: str,
    on_select: Callable[[Click], None] | Literal["rerun"] | None = None,
    on_draw: Callable[[Drawn], None] | Literal["rerun"] | None = None,
) -> FigureState:
    """Draw a figure dict {"data", "layout"} at `height` px over the full width; calls with one key update one plot.

    Zoom survives while `layout.uirevision` is the same, drawn shapes while `layout.editrevision` is. Clicks and drawings
    come back (and rerun the page or fragment) only where `on_select` or `on_draw` is given. `alt` describes the figure in
    words. Where set-up has not been run, an error says so in the figure's place.
    """
    import streamlit as st

    if not BUNDLE.exists():
        st.error(f"This figure cannot be drawn: {BUNDLE.name} is missing. Run `make run` once, it sets the figures up.")
        return FigureState()
    revision = figure["layout"].get("editrevision")
    calls: dict[str, Any] = {}
    if on_select is not None:
        calls["on_clicked_change"] = functools.partial(_call, key, revision, on_select, "clicked")
    if on_draw is not None:
        calls["on_drawn_change"] = functools.partial(_call, key, revision, on_draw, "shapes")
    data = {
        "traces": figure["data"],
        "layout": figure["layout"],
        "height": height,
        "alt": alt,
        "listens": {"click": on_select is not None, "draw": on_draw is not None},
    }
    return read_state(_component()(key=key, data=data, height="content", **calls), revision)


def read_state(result: Mapping[str, Any], revision: Any = None) -> FigureState:
    """The browser's answer as values; shapes drawn on another `editrevision` than the figure's are left out."""
    clicked = result.get("clicked")
    drawn = result.get("drawn") or {}
    shapes = drawn.get("shapes", ()) if drawn.get("revision") == revision else ()
    return FigureState(Click(**clicked) if clicked else None, tuple(shapes))


def _call(key: str, revision: Any, callback: Any, field: Literal["clicked", "shapes"]) -> None:
    import streamlit as st

    state = read_state(st.session_state[key], revision)
    value = getattr(state, field)
    if callback != "rerun" and value is not None:
        callback(value)


@functools.cache
def _component() -> ComponentRenderer:
    import streamlit as st

    return st.components.v2.component("vitrine-figure.live_figure", js="figure.js", isolate_styles=False)
