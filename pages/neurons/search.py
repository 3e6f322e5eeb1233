"""The search card: by which question units are looked for, and what for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import streamlit as st

from backend.data import regions, samples
from backend.data.pieces import piece_texts
from backend.engine import engine
from backend.limits import PROMPT_CHARACTERS, PROMPT_TOKENS
from backend.markdown import literal
from backend.methods.question import Image, Prompt
from backend.models.catalog import CatalogEntry
from components.figures.regions import outlined
from components.pictures import picture
from components.token_text import visible
from pages.neurons import finds
from pages.neurons.columns import Columns
from pages.neurons.finds import Found
from pages.neurons.link import change
from pages.neurons.meaning import by_meaning
from pages.neurons.scene import FIRST_PROMPT, Scene
from pages.neurons.view import FIND_CHARACTERS, Search, View
from pages.saliency.region_text import write_region
from pages.saliency.scene import kind_of, picture_of, sample_frame, title_of

OF_TEXT: Mapping[Search, str] = {
    "meaning": "By meaning",
    "token": "That write a token",
    "prompt": "That fire on a prompt",
    "like": "Like a unit",
}
OF_IMAGES: Mapping[Search, str] = {"meaning": "By meaning", "photo": "That fire on a photo", "like": "Like a unit"}
HINTS: Mapping[Search, str] = {"meaning": "days of the week", "token": "Monday"}
FINDERS: Mapping[Search, Callable[[Scene, Columns], Found]] = {
    "meaning": by_meaning,
    "token": finds.by_token,
    "prompt": finds.by_prompt,
    "photo": finds.by_photo,
    "like": finds.by_likeness,
}
THUMBNAIL = 150
AT_HELP = "The first token is left out of “any”: attention sinks there, and its activations are of another kind in every text."


def card(scene: Scene, known: Columns) -> Found | None:
    """Draw the search card; what the search of the view found, None where nothing is searched for."""
    with st.container(border=True):
        search = mode(scene, known)
        _modes(scene, search)
        if search == "prompt":
            _prompt(scene)
        elif search == "photo":
            _photo(scene)
        else:
            _text(scene, search)
        found = find(scene, known, search)
        with st.container():
            _said(scene, search, found)
    return found


def mode(scene: Scene, known: Columns) -> Search:
    """How the view searches; where it does not say, by what every model can answer at once."""
    offered = OF_TEXT if scene.reads_text else OF_IMAGES
    if scene.view.search in offered:
        return scene.view.search
    return "prompt" if scene.reads_text else "photo"


def find(scene: Scene, known: Columns, search: Search) -> Found | None:
    """What the search finds; None where a text is searched for and none is given, or before the model is loaded."""
    if scene.card is None or (search in ("meaning", "token", "like") and not scene.view.find.strip()):
        return None
    return FINDERS[search](scene, known)


def _modes(scene: Scene, search: Search) -> None:
    offered = OF_TEXT if scene.reads_text else OF_IMAGES
    st.session_state["neurons_search"] = search
    st.segmented_control(
        "Search units", list(offered), required=True, key="neurons_search", format_func=offered.__getitem__,
        label_visibility="collapsed", on_change=lambda: _switch(scene.view),
    )  # fmt: skip


def _switch(view: View) -> None:
    change(view, search=st.session_state.neurons_search, find="", order="")


def _text(scene: Scene, search: Search) -> None:
    hint = HINTS.get(search) or finds.example(scene.layers)
    st.session_state["neurons_find"] = scene.view.find
    with st.form("neurons_text", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            OF_TEXT[search], key="neurons_find", placeholder=hint, icon=":material/search:", max_chars=FIND_CHARACTERS,
            label_visibility="collapsed",
        )  # fmt: skip
        st.form_submit_button("Search", type="primary", width=120, on_click=lambda: _search(scene.view, search))


def _search(view: View, search: Search) -> None:
    change(view, search=search, find=st.session_state.neurons_find, order="")


def _prompt(scene: Scene) -> None:
    st.session_state["neurons_prompt"] = scene.view.prompt or FIRST_PROMPT
    with st.form("neurons_prompt_form", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_area(
            "Prompt", key="neurons_prompt", height=68, max_chars=PROMPT_CHARACTERS, label_visibility="collapsed",
            placeholder="A text to read",
        )  # fmt: skip
        st.form_submit_button("Search", type="primary", width=120, on_click=lambda: _ask_prompt(scene.view))
    _tokens(scene)


def _tokens(scene: Scene) -> None:
    """At which token of the prompt units are compared: any of them, or one."""
    tokenizer = engine().workshop.tokenizer(scene.question_model)
    if tokenizer is None or not isinstance(scene.sample, Prompt):
        return
    pieces = piece_texts(tokenizer, tokenizer.encode(scene.sample.text).ids[:PROMPT_TOKENS])
    shown = {"": "Any token"} | {str(place): f"{place} {visible(text, 20)}" for place, text in enumerate(pieces)}
    chosen = scene.view.find if scene.view.find in shown else ""
    key = f"neurons_token_{chosen}"  # another prompt takes the choice back, whatever a polling fragment still brings
    with st.container(width=240):
        st.selectbox(
            "At", list(shown), index=list(shown).index(chosen), key=key, format_func=shown.__getitem__, help=AT_HELP,
            on_change=lambda: change(scene.view, search="prompt", find=st.session_state[key]),
        )  # fmt: skip


def _ask_prompt(view: View) -> None:
    text = st.session_state.neurons_prompt
    change(view, search="prompt", prompt="" if text == FIRST_PROMPT else text, find="", order="")


def _photo(scene: Scene) -> None:
    assert isinstance(scene.entry, CatalogEntry)
    view, kind = scene.view, kind_of(scene.entry)
    names = [item.name for item in samples.samples(kind)]
    shown = view.photo or names[0]
    names += [shown] if shown not in names else []
    st.session_state["neurons_photo"] = shown
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=THUMBNAIL):
            st.image(_thumbnail(scene), width=THUMBNAIL, output_format="PNG", alt="The photo, as the model sees it")
        with st.container(width="stretch", gap="small"):
            entry = scene.entry
            st.selectbox(
                "Photo", names, key="neurons_photo", format_func=lambda name: title_of(name, entry),
                on_change=lambda: change(view, search="photo", photo=st.session_state.neurons_photo, region=None),
            )  # fmt: skip
            if view.region is not None:
                st.caption("Only the framed region is looked at: each channel's mean over the cells that it covers by half.")
                st.button(
                    "Look at the whole photo", icon=":material/crop_free:", on_click=change, args=(view,), kwargs={"region": None}
                )
            else:
                st.caption("Draw a region on the saliency page to ask only what sees that part.")
                link = {"photo": view.photo} if view.photo else {}
                st.page_link("pages/saliency/page.py", label="To image saliency", icon=":material/photo:", query_params=link)


def _thumbnail(scene: Scene) -> bytes:
    image, entry, region = scene.sample, scene.entry, scene.view.region
    assert isinstance(entry, CatalogEntry)
    assert isinstance(image, Image)
    name = f"{image} {entry.name} {write_region(region) if region else ''}"

    def pixels() -> np.ndarray:
        seen = sample_frame(image, entry)
        if region is not None:
            try:
                return picture_of(outlined(seen, regions.mask(region.shapes, *seen.shape[:2])))
            except regions.RegionError:
                pass  # the search says it
        return picture_of(seen)

    return picture(name, pixels)


def _said(scene: Scene, search: Search, found: Found | None) -> None:
    """What the search did and on what it rests, or why there is nothing."""
    if found is None:
        waiting = scene.card is None
        st.caption(":material/hourglass_top: Loading the model." if waiting else _coverage(search))
    elif found.problem:
        st.warning(literal(found.problem, 400), icon=":material/search_off:")
    elif found.awaited:
        st.caption(":material/hourglass_top: Searching.")
    else:
        st.caption(literal(found.note, 400))


def _coverage(search: Search) -> str:
    return {
        "meaning": "Searches the names that people and machines gave to units, by what they mean.",
        "token": "Searches all neurons by how much their write raises one token's logit. Weights alone; no text is read.",
        "like": "Searches all units by whether they are strong on the same samples.",
    }.get(search, "")
