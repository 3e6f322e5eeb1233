"""What does it write? The tokens a neuron raises and lowers by its weights, beside what shuffled weights reach."""

from __future__ import annotations

import streamlit as st

from backend.data.pieces import piece_texts
from backend.engine import engine
from backend.markdown import literal
from backend.methods.neurons.neuron_tokens import NeuronTokens
from backend.methods.question import Weights
from components.figures.token_bars import bars_height, signed_bars
from components.live_figure import live_figure
from components.theme import current_theme
from components.token_text import visible
from pages.neurons.answers import Answer, answer
from pages.neurons.scene import Scene

RAISED, LOWERED = 5, 3
UNIT = "logit per unit of activation"
HELP = (
    "The tokens whose logits the neuron's write raises and lowers most on the straight way to the output: final norm folded, "
    "the mean over the vocabulary taken off. What later blocks make of the write is not in it; where the activation is below "
    "zero, the lists change sides."
)


def section(scene: Scene) -> None:
    """The strongest tokens as signed bars with what chance gives, or why there are none."""
    st.markdown("**What does it write?**", help=HELP)
    if scene.unit is not None and not scene.unit.layer.startswith("mlp."):
        st.caption(
            "A head moves what it reads at other tokens, so it has no fixed list of tokens. See what it is connected to, below."
        )
        return
    found, tokenizer = tokens_written(scene), engine().workshop.tokenizer(scene.question_model)
    if found.problem:
        st.caption(literal(found.problem, 300))
    elif not isinstance(found.value, NeuronTokens) or tokenizer is None:
        st.skeleton(bars_height(RAISED + LOWERED))
    else:
        rows = strongest(found.value)
        _bars(piece_texts(tokenizer, [token for token, _ in rows]), rows)
        st.caption(in_words(found.value))


def tokens_written(scene: Scene) -> Answer:
    """The tokens that the scene's neuron writes."""
    if scene.unit is None:
        return Answer()
    return answer(scene, scene.view.question("neuron_tokens", Weights(), layer=scene.unit.layer, unit=scene.unit.index))


def strongest(value: NeuronTokens) -> list[tuple[int, float]]:
    """Token and logit of the most raised, then of the most lowered tokens, from high to low."""
    raised = zip(value.top_tokens[:RAISED], value.top_logits[:RAISED], strict=True)
    lowered = zip(value.bottom_tokens[:LOWERED], value.bottom_logits[:LOWERED], strict=True)
    return [(int(token), float(logit)) for token, logit in [*raised, *reversed(list(lowered))]]


def in_words(value: NeuronTokens) -> str:
    """The unit of the bars, and what the same weights in another order reach."""
    low, high = float(value.chance.min()), float(value.chance.max())
    beyond = sum(abs(logit) > high for _, logit in strongest(value))
    stands = "none of these stands out" if not beyond else f"{beyond} of these {'stands' if beyond == 1 else 'stand'} out"
    return (
        f"{UNIT.capitalize()}, before the final norm divides. With its weights shuffled {len(value.chance)} times, the strongest "
        f"token is at ±{low:.2f} to ±{high:.2f}: {stands}."
    )


def _bars(texts: tuple[str, ...], rows: list[tuple[int, float]]) -> None:
    names = [visible(text, 18) for text in texts]
    figure = signed_bars(names, [logit for _, logit in rows], current_theme(), UNIT, [token for token, _ in rows])
    alt = f"Tokens written: {', '.join(f'{name} {logit:+.2f}' for name, (_, logit) in zip(names, rows, strict=True))}."
    live_figure(figure, key="card_writes", height=bars_height(len(rows)), alt=alt)
