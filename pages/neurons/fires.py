"""When does it fire? The density of a unit's activations over the corpus, from the index alone."""

from __future__ import annotations

import numpy as np
import streamlit as st

from backend.methods.neurons.unit import Unit, position_of
from backend.store.unit_index import UnitIndex, UnitRecord
from components.figures.density import BANDS, DENSITY_HEIGHT, density
from components.live_figure import live_figure
from components.theme import current_theme
from pages.neurons.export import NOTES
from pages.neurons.scene import Scene

HELP = (
    "How often each activation occurs over the corpus, on a logarithmic scale: two humps mean two kinds of input. The dotted "
    "lines part the strongest 1 % and 0.2 %, which most readings of a unit stop at; look at the other bands below too."
)


def section(scene: Scene) -> None:
    """The density with its bands, and in words how rare firing is beside the other units of the layer."""
    st.markdown("**When does it fire?**", help=HELP)
    if scene.record is None or scene.index is None or scene.unit is None:
        st.skeleton(DENSITY_HEIGHT)
        return
    record = scene.record
    shares = {share: value for share, value in record.quantiles.items() if share in BANDS}
    figure = density(record.counts, record.low, record.high, shares, current_theme(), counted(scene))
    words, note = in_words(record), NOTES.get(scene.view.model)
    live_figure(figure, key="card_density", height=DENSITY_HEIGHT, alt=f"Density of the unit's activations. {words}")
    st.caption(f"{words} {_beside(scene.index, scene.unit, record)}{f' {note}.' if note else ''}")


def counted(scene: Scene) -> str:
    """What the histogram counts."""
    return "tokens" if scene.reads_text else "positions"


def in_words(record: UnitRecord) -> str:
    """The ends and the strongest hundredth, as a sentence."""
    edge = record.quantiles.get(0.99)
    middle = f"; 1 % of activations are above {_number(edge)}" if edge is not None else ""
    return f"From {_number(record.minimum)} to {_number(record.maximum)}{middle}."


def _beside(index: UnitIndex, unit: Unit, record: UnitRecord) -> str:
    """The firing rate with the layer's median as what to hold it against."""
    layers = index.manifest.layers
    kind = next(layer.kind for layer in layers if layer.name == unit.layer)
    if kind == "head":
        return "A head's value is the length of its output, which is never below zero."
    first = position_of(Unit(unit.layer, 0), layers)
    count = next(layer.count for layer in layers if layer.name == unit.layer)
    rates = index.statistic("firing_rate")[first : first + count]
    return f"Above zero on {share(record.firing_rate)}; the median unit of {unit.layer} on {share(float(np.nanmedian(rates)))}."


def share(value: float) -> str:
    """A share as a percentage that keeps its first two digits: "1.2 %", "0.031 %"."""
    return f"{100 * value:.2g} %" if value < 0.995 else f"{100 * value:.3g} %"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
