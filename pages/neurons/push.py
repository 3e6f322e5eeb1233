"""What does it push here? What switching a channel off takes from the likeliest classes of the photo under debugging."""

from __future__ import annotations

import numpy as np
import streamlit as st

from backend.data.images import ImageError
from backend.markdown import literal
from backend.methods.neurons.neuron_ablation import Ablation
from backend.models.catalog import CatalogEntry
from components.figures.token_bars import bars_height, signed_bars
from components.live_figure import live_figure
from components.theme import current_theme
from pages.neurons.answers import answer
from pages.neurons.scene import Scene

SHOWN = 5
HELP = (
    "Logits as the model gives them minus logits with the unit switched off: orange classes it raises on this photo, blue ones "
    "it lowers. The classes are the likeliest with the unit or without it."
)


def section(scene: Scene) -> None:
    """The effect on the likeliest classes as signed bars, with ten random units of the layer to hold it against."""
    st.markdown("**What does it push here?**", help=HELP)
    if scene.unit is None:
        return
    try:
        question = scene.view.question("neuron_ablation", scene.sample, layer=scene.unit.layer, unit=scene.unit.index)
    except ImageError as error:
        st.caption(literal(str(error), 300))
        return
    found = answer(scene, question, lambda value: known(value))
    if found.problem:
        st.caption(literal(found.problem, 300))
    elif not isinstance(found.value, Ablation):
        st.skeleton(bars_height(SHOWN))
    else:
        _bars(scene, found.value)


def known(value: Ablation) -> bool:
    """Whether the effect of switching off is there, and that of the controls."""
    return bool(np.isfinite(value.kl[value.at(0.0)])) and value.control_range(value.at(0.0)) is not None


def pushed(value: Ablation) -> list[tuple[int, float]]:
    """Class and logit with the unit minus logit without, from the most raised to the most lowered."""
    off = value.at(0.0)
    places = value.likeliest(off, SHOWN)
    rows = [(int(value.outputs[place]), float(value.base_logits[place] - value.logits[off, place])) for place in places]
    return sorted(rows, key=lambda row: -row[1])


def divergence(nats: float) -> str:
    """A KL divergence in words: two digits, and "under 0.001" for what is less."""
    return f"{nats:.2g}" if nats >= 0.001 else "under 0.001"


def _bars(scene: Scene, value: Ablation) -> None:
    assert isinstance(scene.entry, CatalogEntry)
    rows = pushed(value)
    if not np.any(value.values):
        st.caption(
            "The unit is at zero everywhere on this photo, so that switching it off changes nothing. Try another photo below."
        )
        return
    names = [scene.entry.labels[index] for index, _ in rows]
    figure = signed_bars(names, [logit for _, logit in rows], current_theme(), "logit", [index for index, _ in rows])
    alt = f"Effect on classes: {', '.join(f'{name} {logit:+.2f}' for name, (_, logit) in zip(names, rows, strict=True))}."
    live_figure(figure, key="card_push", height=bars_height(len(rows)), alt=alt)
    off = value.at(0.0)
    low, high = value.control_range(off) or (float("nan"),) * 2
    st.caption(
        f"Logit it adds on this photo, by switching it off: KL {divergence(value.kl[off])}, {len(value.controls)} random units "
        f"of the layer {divergence(low)} to {divergence(high)}."
    )
