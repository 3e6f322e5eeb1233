"""Reading a sentence: what comes next, which tokens it comes from, when the answer forms, and where heads look."""

from __future__ import annotations

import streamlit as st

from backend.limits import PROMPT_CHARACTERS
from backend.markdown import literal
from backend.methods.params import ParameterError
from components.figures.bars import prediction_bars
from components.live_figure import Click, live_figure
from components.theme import current_theme
from components.token_text import visible
from pages.neurons import answers, sentence_attention, sentence_lens, sentence_maps
from pages.neurons.link import address, change
from pages.neurons.reading import Reading, chosen_token, read
from pages.neurons.scene import Scene

BARS_HEIGHT = 180
PROMPT_HELP = "The model reads this text as it stands and says what comes next."
SEARCH_HELP = "A word that could come next. It must be one token of the model's vocabulary."


def show(scene: Scene) -> None:
    """The whole view; before the model is loaded its frame with skeletons."""
    answers.begin()
    reading = read(scene)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(title(reading), anchor=False, width="content")
        st.space("stretch")
        st.button(
            "All units", icon=":material/scatter_plot:", type="tertiary", on_click=change, args=(scene.view,),
            kwargs={"mode": "units"}, help="The explorer of neurons and heads.",
        )  # fmt: skip
        with st.popover("Copy link", icon=":material/link:", type="tertiary"):
            st.caption("This view as a link, behind the address of this server:")
            st.code(address(scene.view), language=None, wrap_lines=True)
    for problem in reading.problems:
        st.warning(literal(problem, 400), icon=":material/info:")
    _question_row(reading)
    if reading.refusal:
        st.error(literal(reading.refusal, 400), icon=":material/error:")
    else:
        sentence_maps.section(reading)
        sentence_lens.section(reading)
        sentence_attention.section(reading)
    answers.watch()


def title(reading: Reading) -> str:
    """The view's question."""
    return f"Why “{literal(quoted(reading.label), 40)}”?" if reading.target is not None else "What comes next, and why?"


def quoted(token: str) -> str:
    """A token in a sentence: without the space before it, or made visible where nothing else is left."""
    return token.strip() if token.strip() and token.strip().isprintable() else visible(token)


def _question_row(reading: Reading) -> None:
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=420):
            _prompt(reading)
        with st.container(width=330):
            st.markdown("**The model goes on**", help="The five likeliest next tokens and their probabilities. Click one.")
            _bars(reading)
        with st.container(width="stretch"):
            _choice(reading)


def _prompt(reading: Reading) -> None:
    st.session_state["sentence_prompt"] = reading.prompt
    st.text_area("**Prompt**", key="sentence_prompt", height=120, help=PROMPT_HELP, on_change=_read_prompt, args=(reading,))
    problem = st.session_state.pop("sentence_problem", "")
    if problem:
        st.error(literal(problem, 300), icon=":material/error:")
    elif reading.tokens:
        last = reading.position == len(reading.tokens) - 1
        where = "the whole prompt" if last else f"“{literal(quoted(reading.tokens[reading.position]))}”"
        st.caption(f"{len(reading.tokens)} tokens · explained is what follows {where}")


def _read_prompt(reading: Reading) -> None:
    text = st.session_state["sentence_prompt"]
    if not text.strip():
        st.session_state["sentence_problem"] = "The prompt is empty; type at least one word. The one before is still shown."
    elif len(text) > PROMPT_CHARACTERS:
        st.session_state["sentence_problem"] = (
            f"The prompt has {len(text):,} characters; the limit is {PROMPT_CHARACTERS:,}. The one before is still shown."
        )
    else:
        change(reading.scene.view, prompt=text, target=None, position=-1)


def _bars(reading: Reading) -> None:
    if not reading.likeliest:
        if not reading.refusal:
            st.skeleton(BARS_HEIGHT)
        return
    ids, chances = zip(*reading.likeliest, strict=True)
    names = [visible(name, 20) for name in reading.names(list(ids))]
    row = ids.index(reading.target) if reading.target in ids else -1
    figure = prediction_bars(names, chances, [float("nan")] * len(ids), row, current_theme(), ids)
    figure["data"][0]["text"] = [f"{chance:.3f}" for chance in chances]
    figure["data"][0]["hovertext"] = [f"probability {chance:.4f}" for chance in chances]
    said = ", ".join(f"{name} {chance:.2f}" for name, chance in zip(names, chances, strict=True))

    def explain(click: Click) -> None:
        if click.customdata is not None:
            change(reading.scene.view, target=int(click.customdata))

    live_figure(figure, key="sentence_bars", height=BARS_HEIGHT, alt=f"Bars of the next token: {said}", on_select=explain)


def _choice(reading: Reading) -> None:
    if not reading.tokens:
        return
    view, last = reading.scene.view, len(reading.tokens) - 1
    st.session_state["sentence_position"] = reading.position
    st.selectbox(
        "Explain what follows", range(last, -1, -1), key="sentence_position",
        format_func=lambda place: f"{place + 1} · {visible(reading.tokens[place], 24)}",
        help="After which token of the prompt. A click on a column of the lens does the same.",
        on_change=lambda: _move(reading, st.session_state["sentence_position"]),
    )  # fmt: skip
    st.text_input(
        "Explain another token", key="sentence_search", placeholder="a word", help=SEARCH_HELP, on_change=_search, args=(reading,)
    )
    problem = st.session_state.pop("sentence_search_problem", "")
    if problem:
        st.error(literal(problem, 300), icon=":material/error:")
    elif view.target is not None:
        st.button("Explain the first answer", type="tertiary", on_click=change, args=(view,), kwargs={"target": None})


def _move(reading: Reading, place: int) -> None:
    """Explain what follows another token: there the model has another first answer."""
    change(reading.scene.view, position=-1 if place == len(reading.tokens) - 1 else place, target=None)


def _search(reading: Reading) -> None:
    text = st.session_state["sentence_search"]
    if not text.strip():
        return
    try:
        change(reading.scene.view, target=chosen_token(reading.scene, text))
        st.session_state["sentence_search"] = ""
    except ParameterError as error:
        st.session_state["sentence_search_problem"] = str(error)
