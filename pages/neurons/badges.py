"""The line under a card's title: what the unit is, which classes it is in, how rare it fires, whether its name was tested."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import streamlit as st

from backend.markdown import literal
from backend.methods.neurons.unit import position_of, unit_title
from backend.methods.params import ParameterError
from backend.models.card import ModelCard, UnitLayer
from backend.store.labels import Label
from pages.neurons.answers import answer
from pages.neurons.columns import weights_question
from pages.neurons.fields import field_words, fields
from pages.neurons.fires import share
from pages.neurons.scene import Scene

CLASS_HELP = {
    "functional_classes": "By the shape of its effect on all tokens' logits. {share} of this layer's neurons are in this class.",
    "io_functionality": "By cosines of its input, gate and output weights. {share} of this layer's neurons are in this class.",
}
VERDICTS: dict[str, tuple[str, str, Literal["green", "gray", "yellow"]]] = {
    "beats the control": ("name holds", ":material/check_circle:", "green"),
    "within the control": ("name within chance", ":material/drag_handle:", "gray"),
    "fails the control": ("name fails", ":material/warning:", "yellow"),
}
UNTESTED = "Nobody has tested this name yet; the section on names below does."


def row(scene: Scene, label: Label | None) -> None:
    """The badges, each with what it means and what to hold it against."""
    with st.container(horizontal=True, gap="small"):
        _what(scene)
        if scene.reads_text:
            _class(scene, "functional_classes")
            _class(scene, "io_functionality")
        else:
            _positions(scene)
            _field(scene)
        _rate(scene)
        if label is not None:
            _test(label)


def _layer(scene: Scene) -> UnitLayer | None:
    return next((layer for layer in scene.layers if scene.unit is not None and layer.name == scene.unit.layer), None)


def _what(scene: Scene) -> None:
    layer = _layer(scene)
    if scene.unit is None or layer is None:
        return
    place = next(number for number, item in enumerate(scene.layers) if item.name == layer.name)
    st.badge(
        literal(unit_title(scene.unit, layer.kind)), color="gray",
        help=f"{layer.kind.capitalize()} {scene.unit.index:,} of {layer.count:,}, counted from 0, in {literal(layer.name)}, "
        f"layer {place + 1} of the {len(scene.layers)} with units. As a link: {literal(scene.unit.text)}.",
    )  # fmt: skip


def _class(scene: Scene, method: str) -> None:
    if scene.unit is None or not scene.unit.layer.startswith("mlp."):
        return
    found = answer(scene, weights_question(scene, method), lambda value: class_of(value, scene) is not None)
    if found.value is not None and (named := class_of(found.value, scene)) is not None:
        st.badge(literal(named[0]), color="gray", help=CLASS_HELP[method].format(share=share(named[1])))


def class_of(value: Any, scene: Scene) -> tuple[str, float] | None:
    """The unit's class by name and the class' share of the layer; None where the result does not reach the unit."""
    layer = _layer(scene)
    if scene.unit is None or layer is None:
        return None
    try:
        row = position_of(scene.unit, value.layers)
    except ParameterError:
        return None
    first = row - scene.unit.index
    own = np.asarray(value.classes[first : first + layer.count])
    if scene.unit.index >= len(own):
        return None
    number = int(own[scene.unit.index])
    return value.names[number], float(np.mean(own == number))


def _positions(scene: Scene) -> None:
    if not isinstance(scene.card, ModelCard) or scene.unit is None:
        return
    layer = next((item for item in scene.card.layers if item.name == scene.unit.layer), None)
    if layer is not None:
        st.badge(f"{layer.height} × {layer.width} positions", color="gray", help="The channel has a value at each cell of a map.")


def _field(scene: Scene) -> None:
    known = fields(scene)
    if known is None or scene.unit is None or scene.unit.layer not in known.typical:
        return
    side = round(max(known.typical[scene.unit.layer]))
    st.badge(f"field {side} px", color="gray", help=field_words(known, scene.unit.layer))


def _rate(scene: Scene) -> None:
    layer = _layer(scene)
    if scene.record is None or layer is None or layer.kind == "head":
        return
    of = "tokens" if scene.reads_text else "positions"
    st.badge(
        f"fires on {share(scene.record.firing_rate)}", color="gray",
        help=f"The share of {of} of the corpus at which it is above zero. The density below holds it against the layer.",
    )  # fmt: skip


def _test(label: Label) -> None:
    score, shuffled = label.test.get("f1"), label.test.get("shuffled")
    if not isinstance(score, int | float) or not isinstance(shuffled, int | float):
        st.badge("name not tested", icon=":material/help:", color="gray", help=UNTESTED)
        return
    words, icon, color = VERDICTS.get(str(label.test.get("f1_verdict")), VERDICTS["within the control"])
    st.badge(
        f"{words}: F1 {score:.2f}, shuffled {shuffled:.2f}", icon=icon, color=color,
        help=f"95 % of resamplings between {label.test.get('f1_low', score):.2f} and {label.test.get('f1_high', score):.2f}. "
        f"{literal(str(label.test.get('protocol', '')), 600)}",
    )  # fmt: skip
