"""Try your own words, or your own photo: what the card's unit does on a sample of the reader's."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from backend.data import samples
from backend.data.images import ImageError
from backend.limits import PROMPT_CHARACTERS
from backend.markdown import literal
from backend.methods.neurons.unit_activations import UnitActivations
from backend.methods.question import Image, Prompt
from backend.models.catalog import CatalogEntry
from backend.store.unit_index import UnitRecord
from components.figures.crops import framed_photo
from components.figures.frame import enlarged
from components.figures.layers import layer_picture
from components.figures.maps import shared_limit
from components.pictures import picture
from components.theme import current_theme
from components.token_text import visible
from components.tokens import HeatRow, legend, show_heat_text
from pages.neurons.answers import Answer, answer
from pages.neurons.fields import field_box, fields
from pages.neurons.fires import counted
from pages.neurons.link import change
from pages.neurons.scene import Scene
from pages.saliency.scene import kind_of, sample_frame

PHOTO = 220
FIRST_TOKEN = "The first token is left out: a decoder rests there, with values far from any other."


def section(scene: Scene) -> None:
    """The sample's own choice, the unit on it, and how its largest value stands among those of the corpus."""
    if scene.unit is None:
        return
    if scene.reads_text:
        _words(scene)
    else:
        _photo(scene)


def _activations(scene: Scene) -> Answer:
    assert scene.unit is not None
    question = scene.view.question("unit_activations", scene.sample, layers=scene.unit.layer)
    return answer(scene, question, keep=False)


def _words(scene: Scene) -> None:
    st.subheader("Try your own words", anchor=False)
    sample = scene.sample
    assert isinstance(sample, Prompt)
    key = "own_words"
    st.session_state[key] = sample.text
    st.text_area(
        "Your words", key=key, max_chars=PROMPT_CHARACTERS, height=90, label_visibility="collapsed",
        on_change=lambda: change(scene.view, prompt=st.session_state[key]),
        help="The model reads these words as they stand; the change beside is measured on what it says next.",
    )  # fmt: skip
    found = _activations(scene)
    if found.problem:
        st.error(literal(found.problem, 400), icon=":material/error:")
    elif not isinstance(found.value, UnitActivations):
        st.skeleton(60)
    else:
        _shaded(scene, found.value)


def _shaded(scene: Scene, found: UnitActivations) -> None:
    assert scene.unit is not None
    values = found.unit(scene.unit)  # (tokens,)
    counted_values = values[1:] if len(values) > 1 else values
    at = int(np.abs(counted_values).argmax()) + (len(values) > 1)
    own = float(np.abs(counted_values).max())
    record = scene.record
    limit = max(own, abs(record.maximum), abs(record.minimum)) if record is not None else own
    shown = np.concatenate([[np.nan], values[1:]]) if len(values) > 1 else values
    show_heat_text([HeatRow(found.tokens, shown, peak=at)], limit=limit)
    st.caption(legend())
    largest, token = float(values[at]), literal(visible(found.tokens[at]), 40)
    st.caption(f"Largest value **{_number(largest)}** at “{token}”{_among(scene, largest)}. {FIRST_TOKEN if at else ''}")


def _photo(scene: Scene) -> None:
    st.subheader("Try another photo", anchor=False)
    assert isinstance(scene.entry, CatalogEntry)
    gallery = samples.samples(kind_of(scene.entry))
    names = [item.name for item in gallery]
    chosen = scene.view.photo or names[0]
    if chosen not in names:
        names.append(chosen)
    titles = {item.name: item.title for item in gallery}
    key = "own_photo"
    st.session_state[key] = chosen
    st.selectbox(
        "Photo", names, key=key, format_func=lambda name: titles.get(name, "Your photo"), label_visibility="collapsed",
        on_change=lambda: change(scene.view, photo=st.session_state[key], region=None),
        help="Photos of your own come from the saliency page: upload one there and follow a region to its units.",
    )  # fmt: skip
    found = _activations(scene)
    if found.problem:
        st.error(literal(found.problem, 400), icon=":material/error:")
    elif not isinstance(found.value, UnitActivations):
        st.skeleton(PHOTO)
    else:
        _mapped(scene, found.value)


def _mapped(scene: Scene, found: UnitActivations) -> None:
    """The unit's map over the grey photo, the part that its strongest cell mostly looks at framed."""
    assert scene.unit is not None
    assert isinstance(scene.entry, CatalogEntry)
    sample = scene.sample
    assert isinstance(sample, Image)
    values = found.unit(scene.unit)  # (positions,)
    at = int(values.argmax())
    try:
        frame = sample_frame(sample, scene.entry)
    except ImageError as error:
        st.error(literal(str(error), 400), icon=":material/broken_image:")
        return
    box, theme = field_box(scene, fields(scene), at), current_theme()
    name = f"own {scene.view.ref} {sample.content} {scene.unit.text} {box} {theme}"
    with st.container(horizontal=True, gap="small"):
        for what, make in (("framed", partial(framed_photo, frame, box, theme)), ("map", partial(_overlay, scene, found, frame))):
            st.image(picture(f"{name} {what}", make), width=PHOTO, output_format="PNG", alt=_alt(scene, what, float(values[at])))
    words = "The frame is what its strongest cell mostly looks at." if box is not None else ""
    st.caption(f"Largest value **{_number(float(values[at]))}**{_among(scene, float(values[at]))}. {words}")
    st.caption(legend())


def _overlay(scene: Scene, found: UnitActivations, frame: np.ndarray) -> np.ndarray:
    assert scene.unit is not None
    if scene.unit.layer not in found.grids:
        return framed_photo(frame, None, current_theme())
    cells = found.grid(scene.unit)
    record = scene.record
    own = shared_limit(cells)
    limit = max(own, abs(record.maximum), abs(record.minimum)) if record is not None else own
    return layer_picture(cells, enlarged(frame), current_theme(), limit=limit)


def _alt(scene: Scene, what: str, largest: float) -> str:
    assert scene.unit is not None
    told = f"the largest value of {scene.unit.text} is {largest:.2f}"
    return (
        f"The photo, what the strongest cell looks at framed; {told}" if what == "framed" else f"The unit's map over it; {told}"
    )


def _among(scene: Scene, value: float) -> str:
    """How a value stands among the unit's own over the corpus, ", above 99.9 % of the corpus' tokens"."""
    if scene.record is None:
        return "; the index that it would be held against is not there yet"
    below = share_below(scene.record, value)
    return f", above {_percent(below)} of the corpus' {counted(scene)}"


def share_below(record: UnitRecord, value: float) -> float:
    """The share of the unit's values over the corpus below a value, from its histogram: linear within a bin."""
    if value <= record.minimum:
        return 0.0
    if value > record.maximum:
        return 1.0
    counts = record.counts.astype(np.float64)
    edges = np.linspace(record.low, record.high, len(counts) + 1)
    edges[0], edges[-1] = min(record.minimum, edges[0]), max(record.maximum, edges[-1])  # the outer bins hold the tails
    total = np.concatenate([[0.0], np.cumsum(counts)])
    return float(np.interp(value, edges, total) / max(total[-1], 1.0))


def _percent(share: float) -> str:
    """Digits enough to tell a rare value: 99.97 %, and all only where nothing was larger."""
    if share >= 1.0:
        return "every value"
    return f"{100 * min(share, 0.9999):.2f} %" if share > 0.99 else f"{100 * share:.0f} %"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
