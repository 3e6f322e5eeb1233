"""When the answer forms: the residual stream read after every block, as if the model stopped there."""

from __future__ import annotations

from typing import get_args

import numpy as np
import streamlit as st

from backend.engine.job import Snapshot
from backend.methods.neurons.logit_lens import LogitLens
from backend.methods.question import Question
from backend.methods.registry import method_named
from components import jobs
from components.figures.lens import lens_height, lens_map
from components.live import poll_interval, rest
from components.live_figure import live_figure
from components.theme import current_theme
from components.token_text import visible
from pages.neurons.link import change
from pages.neurons.reading import Reading, lens_question
from pages.neurons.sentence_words import lens_sentence
from pages.neurons.view import LensMeasure

COLUMNS = 48  # tokens drawn at a time, up to and around the explained one
_LAYERS = 31  # of the skeleton that stands where the map will be
_MEASURES: dict[LensMeasure, str] = {
    "probability": "Probability",
    "divergence": "Nats from the answer",
    "rank": "Rank of the answer",
}


def section(reading: Reading) -> None:
    """Heading, the measured sentence, the map and what a click does."""
    method, view = method_named("logit_lens"), reading.scene.view
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("When does the answer form?", anchor=False, width="content", help=method.teaching.text)
        st.space("stretch")
        st.session_state["sentence_lens"] = view.lens
        st.segmented_control(
            "Lens", get_args(LensMeasure), key="sentence_lens", required=True, label_visibility="collapsed",
            format_func=_MEASURES.__getitem__, on_change=lambda: change(view, lens=st.session_state["sentence_lens"]),
        )  # fmt: skip
    if not reading.tokens:
        st.skeleton(lens_height(_LAYERS))
        return
    question = lens_question(reading.scene, reading.prompt)
    active = _moves(jobs.look(question))
    st.fragment(_draw, run_every=poll_interval(active))(reading, question, active)


def _moves(snapshot: Snapshot | None) -> bool:
    return snapshot is not None and not snapshot.final


def _draw(reading: Reading, question: Question, was_active: bool) -> None:
    snapshot = jobs.look(question)
    value: LogitLens | None = snapshot.value if snapshot is not None else None
    with st.container():  # there with and without its sentence, so that the map stays where it is
        if value is not None and snapshot is not None and snapshot.state == "finished":
            own = reading.name(int(value.top_tokens[-1, reading.position, 0]))
            st.markdown(lens_sentence(value, reading.position, own))
    if value is None:
        st.skeleton(lens_height(_LAYERS))
    else:
        _figure(reading, value)
    rest(was_active, _moves(snapshot))


def _figure(reading: Reading, lens: LogitLens) -> None:
    view, measure = reading.scene.view, reading.scene.view.lens
    first = max(0, min(reading.position - COLUMNS + 8, len(reading.tokens) - COLUMNS))
    part = slice(first, first + COLUMNS)
    rank = np.where(lens.rank > 0, lens.rank, np.nan)
    values = {"probability": lens.top_probabilities[..., 0], "divergence": lens.divergence, "rank": rank}[measure]
    tops, chances = lens.top_tokens[:, part], lens.top_probabilities[:, part]  # (layers, columns, 5)
    names = _names(reading, tops)
    tokens = [visible(token, 24) for token in reading.tokens[part]]
    hover = [
        [_hover(row, tokens[column], lens, first + column, names, tops, chances, column) for column in range(len(tokens))]
        for row in range(len(tops))
    ]
    words = [[names[int(token)] for token in row[:, 0]] for row in tops]
    figure = lens_map(values[:, part].astype(np.float32), words, hover, tokens, measure, current_theme(), first, reading.position)
    said = f"Map of {len(tops)} layers by {len(tokens)} tokens: {_MEASURES[measure].lower()} of what the lens reads"

    height = lens_height(len(tops))
    clicked = live_figure(figure, key="sentence_lens_map", height=height, alt=said, on_select="rerun").clicked
    if clicked is not None and 0 <= int(clicked.x) < len(reading.tokens):
        place = int(clicked.x)
        change(view, position=-1 if place == len(reading.tokens) - 1 else place, target=None)
        st.rerun()  # the whole page: the figure is in a fragment
    shown = (
        f"tokens {first + 1} to {first + len(tokens)} of {len(reading.tokens)} · " if len(tokens) < len(reading.tokens) else ""
    )
    st.caption(
        f"{shown}layer 0 reads the embedding, the last layer is the model's own answer · click a column to explain what follows "
        f"it · {reading.scene.view.model}"
    )


def _names(reading: Reading, tokens: np.ndarray) -> dict[int, str]:
    """Token ids of any shape with their texts as they can be read; −1, of layers not read yet, has none."""
    known = sorted(set(tokens.ravel().tolist()) - {-1})
    return {-1: "", **dict(zip(known, (visible(name, 24) for name in reading.names(known)), strict=True))}


def _hover(
    layer: int, token: str, lens: LogitLens, place: int, names: dict[int, str], tops: np.ndarray, chances: np.ndarray, column: int
) -> str:
    lines = [f"layer {layer}, after {token}"]
    lines += [
        f"{chance:.3f}  {names[int(read)]}" for read, chance in zip(tops[layer, column], chances[layer, column], strict=True)
    ]
    away = f"{lens.divergence[layer, place]:.2f} nats from the answer here, {lens.control[layer, place]:.2f} elsewhere"
    return "\n".join([*lines, away, f"the answer is number {lens.rank[layer, place]:,}"])
