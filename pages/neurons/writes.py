"""What does it write? The tokens a neuron raises and lowers by its weights; the classes a channel pushes on the photo."""

from __future__ import annotations

import streamlit as st

from backend.data.pieces import piece_texts
from backend.engine import engine
from backend.markdown import literal
from backend.methods.neurons.token_projection import TokenProjection
from backend.methods.neurons.unit import Unit, position_of
from backend.methods.params import ParameterError
from components.figures.token_bars import bars_height, signed_bars
from components.live_figure import live_figure
from components.theme import current_theme
from components.token_text import visible
from pages.neurons.answers import Answer, answer
from pages.neurons.columns import weights_question
from pages.neurons.scene import Scene

RAISED, LOWERED = 5, 3
UNIT = "logit per unit of activation"
HELP = (
    "The tokens whose logits the neuron's write raises and lowers most on the straight way to the output: final norm folded, "
    "the mean over the vocabulary taken off. What later blocks make of the write is not in it; where the activation is below "
    "zero, the lists change sides."
)


def section(scene: Scene) -> None:
    """The strongest tokens as signed bars, or why there are none."""
    st.markdown("**What does it write?**", help=HELP)
    if scene.unit is not None and not scene.unit.layer.startswith("mlp."):
        st.caption(
            "A head moves what it reads at other tokens, so it has no fixed list of tokens. See what it is connected to, below."
        )
        return
    found = projection(scene)
    rows = strongest(found.value, scene.unit) if found.value is not None and scene.unit is not None else None
    tokenizer = engine().workshop.tokenizer(scene.question_model)
    if found.problem:
        st.caption(literal(found.problem, 300))
    elif rows is None or tokenizer is None:
        st.skeleton(bars_height(RAISED + LOWERED))
        if found.total:
            st.caption(f"Reading the weights: {found.done:,} of {found.total:,} neurons.")
    else:
        _bars(piece_texts(tokenizer, [token for token, _ in rows]), rows)


def projection(scene: Scene) -> Answer:
    """The tokens that all neurons write, once the part that holds the scene's unit is there."""
    return answer(scene, weights_question(scene, "token_projection"), lambda value: _row(value, scene.unit) is not None)


def strongest(value: TokenProjection, unit: Unit) -> list[tuple[int, float]] | None:
    """Token and logit of the most raised, then of the most lowered tokens, from high to low; None while they are not known."""
    row = _row(value, unit)
    if row is None:
        return None
    raised = zip(value.top_tokens[row, :RAISED], value.top_logits[row, :RAISED], strict=True)
    lowered = zip(value.bottom_tokens[row, :LOWERED], value.bottom_logits[row, :LOWERED], strict=True)
    return [(int(token), float(logit)) for token, logit in [*raised, *reversed(list(lowered))]]


def _row(value: TokenProjection, unit: Unit | None) -> int | None:
    """The unit's row; None where the rows do not reach it yet, or it is no neuron."""
    try:
        row = position_of(unit, value.layers) if unit is not None else None
    except ParameterError:
        return None
    return row if row is not None and row < len(value.top_tokens) else None


def _bars(texts: tuple[str, ...], rows: list[tuple[int, float]]) -> None:
    names = [visible(text, 18) for text in texts]
    figure = signed_bars(names, [logit for _, logit in rows], current_theme(), UNIT, [token for token, _ in rows])
    alt = f"Tokens written: {', '.join(f'{name} {logit:+.2f}' for name, (_, logit) in zip(names, rows, strict=True))}."
    live_figure(figure, key="card_writes", height=bars_height(len(rows)), alt=alt)
    st.caption(f"{UNIT.capitalize()}, before the final norm divides.")
