"""Where heads look: every head of the model in one map, and one head's weights from token to token."""

from __future__ import annotations

from typing import get_args

import numpy as np
import streamlit as st

from backend.markdown import literal
from backend.methods.neurons.attention_view import WEIGHT_BYTES, AttentionView, HeadPatterns
from backend.methods.neurons.unit import Unit, read_unit
from backend.methods.params import ParameterError
from backend.methods.question import Question, Weights
from backend.methods.registry import method_named
from components.figures.attention import MAP_HEIGHT, head_map, heads_overview, overview_height
from components.live_figure import Click, live_figure
from components.theme import current_theme
from components.token_text import visible
from pages.neurons.answers import Answer, answer
from pages.neurons.link import change
from pages.neurons.reading import Reading
from pages.neurons.sentence_words import heads_sentence
from pages.neurons.view import HeadMeasure

_LAYERS = 30  # of the skeleton
_MEASURES: dict[HeadMeasure, tuple[str, str]] = {
    "first": ("First token", "Mean weight on the first token"),
    "previous": ("Token before", "Mean weight on the token before"),
    "itself": ("Itself", "Mean weight on the reading token itself"),
    "entropy": ("Spread", "Entropy of the weights, as a share of the largest"),
    "induction": ("Induction", "Mean weight on what followed the token the last time"),
}


def section(reading: Reading) -> None:
    """Heading, the overview of all heads, and the map of one."""
    method, view = method_named("attention_view"), reading.scene.view
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Where do its heads look?", anchor=False, width="content", help=method.teaching.text)
        st.space("stretch")
        st.session_state["sentence_heads"] = view.heads
        st.segmented_control(
            "Heads", get_args(HeadMeasure), key="sentence_heads", required=True, label_visibility="collapsed",
            format_func=lambda name: _MEASURES[name][0],
            on_change=lambda: change(view, heads=st.session_state["sentence_heads"]),
        )  # fmt: skip
    chosen = _chosen(reading)
    found = answer(reading.scene, _question(reading, chosen)) if reading.tokens else Answer()
    if found.value is None:
        if found.problem:
            st.error(literal(found.problem, 300), icon=":material/error:")
        st.skeleton(overview_height(_LAYERS))
        return
    attention: AttentionView = found.value
    head = chosen or _strongest(attention)
    with st.grid(2, min_column_width=420, gap="medium"):
        with st.container():
            _overview(reading, attention, head)
        with st.container():
            _one(reading, attention, head)


def _chosen(reading: Reading) -> Unit | None:
    """The head that the link names; None where it names none of this model, or before its layers are known."""
    if not reading.scene.view.head or not reading.scene.layers:
        return None
    heads = [layer for layer in reading.scene.layers if layer.kind == "head"]
    try:
        return read_unit(reading.scene.view.head, heads)
    except ParameterError as error:
        st.warning(literal(str(error), 300), icon=":material/link_off:")
        return None


def _question(reading: Reading, chosen: Unit | None) -> Question:
    """All heads where their weights are few enough to keep, else those of the chosen layer alone."""
    heads = [layer for layer in reading.scene.layers if layer.kind == "head"]
    fits = 2 * sum(layer.count for layer in heads) * len(reading.tokens) ** 2 <= WEIGHT_BYTES
    layer = "" if fits else (chosen.layer if chosen else heads[-1].name)
    return reading.scene.view.question("attention_view", reading.text, layer=layer)


def _strongest(attention: AttentionView) -> Unit:
    """The head, among those whose weights are kept, that looks most at the token before: one with something to see."""
    kept = [place for place, name in enumerate(attention.layers) if name in attention.weights]
    values = attention.summaries["previous"][kept]
    layer, head = np.unravel_index(int(values.argmax()), values.shape)
    return Unit(attention.layers[kept[int(layer)]], int(head))


def _overview(reading: Reading, attention: AttentionView, head: Unit) -> None:
    view = reading.scene.view
    values, control = attention.summaries.get(view.heads), ""
    if view.heads == "induction":
        patterns = answer(reading.scene, view.question("head_patterns", Weights()), lambda value: value.texts >= 8)
        if patterns.value is None:
            st.caption(literal(patterns.problem, 300) or "Reading random texts twice over…")
            st.skeleton(overview_height(len(attention.layers)))
            return
        values, control = _induction(patterns.value)
    assert values is not None
    title, words = _MEASURES[view.heads]
    st.markdown(heads_sentence(values, words, attention.layers) + control)
    place = (attention.layers.index(head.layer), head.index)
    figure = heads_overview(np.clip(values, 0, 1), words.lower(), current_theme(), place)

    def show_head(click: Click) -> None:
        layer, number = int(click.y), int(click.x)
        if 0 <= layer < len(attention.layers) and 0 <= number < values.shape[1]:
            change(view, head=f"{attention.layers[layer]}:{number}")

    said = f"Map of {values.shape[0]} layers by {values.shape[1]} heads: {title.lower()}"
    live_figure(figure, key="sentence_heads_map", height=overview_height(len(values)), alt=said, on_select=show_head)
    st.caption("means over the tokens of this prompt but the first · click a head" if not control else "click a head")


def _induction(patterns: HeadPatterns) -> tuple[np.ndarray, str]:
    best = np.unravel_index(int(patterns.induction.argmax()), patterns.induction.shape)
    words = f" Measured on {patterns.texts} random texts read twice; the same head in texts without repetition: "
    return patterns.induction, f"{words}{patterns.control[best]:.2f}."


def _one(reading: Reading, attention: AttentionView, head: Unit) -> None:
    view = reading.scene.view
    weights = attention.weights[head.layer][head.index].astype(np.float32)  # (tokens, tokens)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Layer {head.layer.rpartition('.')[2]}, head {head.index}**", width="content")
        st.space("stretch")
        st.session_state["sentence_sized"] = view.sized
        st.toggle(
            "Times the length of what is read", key="sentence_sized",
            help="A weight on a token whose value is short adds little; Kobayashi et al. 2020.",
            on_change=lambda: change(view, sized=st.session_state["sentence_sized"]),
        )  # fmt: skip
    words = "of the weight"
    if view.sized:
        weights, words = weights * attention.norms[head.layer][head.index], "length of what is added"
    tokens = [visible(token, 24) for token in attention.tokens]
    figure = head_map(weights, tokens, words, current_theme(), reading.position)

    def explain(click: Click) -> None:
        place = int(click.y)
        if 0 <= place < len(tokens):
            change(view, position=-1 if place == len(tokens) - 1 else place, target=None)

    said = f"Weights of layer {head.layer.rpartition('.')[2]}, head {head.index}, from each reading token to those it reads"
    live_figure(figure, key="sentence_head", height=MAP_HEIGHT, alt=said, on_select=explain)
    st.caption(f"each row is a token and the tokens it reads · framed: “{literal(tokens[reading.position], 24)}” · click a row")
