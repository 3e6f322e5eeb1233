"""Compare: pinned maps of any photo, target and parameters, side by side and on the scales of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from backend.data import images
from backend.markdown import literal
from backend.methods.params import ParameterError, to_text
from backend.methods.question import Image
from backend.methods.saliency.result import Saliency
from backend.models.catalog import ModelError, entry
from backend.store.arrays import ResultDamaged, ResultGone
from backend.store.runs import Run, RunStore
from components.figures.cells import drawn_cells, scale_ends, scale_of
from components.figures.maps import MAP_HEIGHT, saliency_map
from components.live_figure import live_figure
from components.theme import current_theme
from pages.saliency.scene import sample_frame
from pages.saliency.view import MOST_METHODS, View


def pinned(view: View, runs: Sequence[Run], title: Callable[[Run], str]) -> None:
    """The pinned runs chosen by the reader, drawn as the page draws its own."""
    offered = {run.hash: run for run in runs if run.pinned}
    if not offered:
        st.caption("Pin maps to compare them here: other photos, other classes, other settings of one method.")
        return
    chosen = st.pills(
        "Compare pinned maps",
        list(offered),
        selection_mode="multi",
        key="compared",
        format_func=lambda name: title(offered[name]),
    )
    if len(chosen) > MOST_METHODS:
        st.caption(f"The first {MOST_METHODS} of {len(chosen)} are shown.")
    values = {name: value for name in chosen[:MOST_METHODS] if (value := _value(offered[name])) is not None}
    ends = scale_ends(values.values(), view.grain, ranks=view.ranks)
    with st.grid(4, min_column_width=225, gap="small"):
        for name, value in values.items():
            with st.container(border=True, height="stretch"):
                _card(view, offered[name], value, title(offered[name]), ends[scale_of(value, ranks=view.ranks)])


def _value(run: Run) -> Saliency | None:
    try:
        value = RunStore().result(run.hash)
    except (ResultGone, ResultDamaged, LookupError) as error:
        st.caption(literal(str(error), 300))
        return None
    return value if isinstance(value, Saliency) else None


def _card(view: View, run: Run, value: Saliency, title: str, limit: float) -> None:
    st.markdown(f"**{title}**")
    try:
        question = run.question
        settings = ", ".join(f"{name} {text}" for name, text in to_text(question.params).items())
        frame = sample_frame(question.inputs, entry(run.model)) if isinstance(question.inputs, Image) else None
    except (ParameterError, ModelError, images.ImageError) as error:
        st.caption(literal(str(error), 300))
        return
    st.caption(" · ".join(part for part in (value.note, settings) if part))
    drawn = drawn_cells(value, view.grain, ranks=view.ranks)
    figure = saliency_map(
        drawn.cells, frame, limit=limit, unit=drawn.unit, theme=current_theme(), cell=drawn.cell, view=view.look,
        size=value.heatmap.shape, opacity=view.opacity / 100,
    )  # fmt: skip
    live_figure(figure, key=f"compared_{run.hash}", height=MAP_HEIGHT, alt=f"Pinned map: {title}")
