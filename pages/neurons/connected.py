"""Connected to: the units whose weights line up with a neuron's, before it and after it, as a list that can be followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import streamlit as st

from backend.markdown import literal
from backend.methods.neurons.neuron_connections import Connection, NeuronConnections
from backend.methods.neurons.unit import Unit, unit_title
from backend.methods.question import Weights
from backend.store.labels import Labels
from pages.neurons.answers import answer
from pages.neurons.link import change
from pages.neurons.scene import Scene

NEURONS, HEADS = 4, 2
WIDTHS = (2.2, 3, 3, 1.3)
HELP = (
    "Cosines between what this neuron reads or writes and what others write or read, by their weights alone; of heads the "
    "share of their strength. Whether the two are ever active together, the weights cannot tell."
)


@dataclass(frozen=True)
class Line:
    """A connected unit in words: how it is connected, how strongly, and what shuffled weights reach."""

    unit: Unit
    how: str
    alignment: float
    chance: float
    is_head: bool

    @property
    def shown(self) -> str:
        """The alignment with its sign; of a head, whose share has none, without."""
        return f"{self.alignment:.2f}" if self.is_head else f"{self.alignment:+.2f}".replace("-", "−")


def section(scene: Scene) -> None:
    """The strongest connections of a neuron, each a way to its card, with what chance gives."""
    st.subheader("Connected to", anchor=False, help=HELP)
    if scene.unit is None or not scene.unit.layer.startswith("mlp."):
        st.caption("Connections are worked out for MLP neurons; a head moves what it reads and has no one direction.")
        return
    question = scene.view.question("neuron_connections", Weights(), layer=scene.unit.layer, unit=scene.unit.index)
    found = answer(scene, question)
    if found.problem:
        st.caption(literal(found.problem, 300))
    elif not isinstance(found.value, NeuronConnections):
        st.skeleton(36 * (NEURONS + HEADS))
    else:
        _table(scene, found.value)


def lines(value: NeuronConnections) -> Iterator[Line]:
    """The strongest neurons and heads before, then after, each side strongest first."""
    sides = (
        (value.neurons_before[:NEURONS], value.heads_before[:HEADS], value.chance_before, "before"),
        (value.neurons_after[:NEURONS], value.heads_after[:HEADS], value.chance_after, "after"),
    )
    for neurons, heads, chance, side in sides:
        for is_head, found in ((False, neurons), (True, heads)):
            for item in found:
                yield Line(Unit(item.layer, item.unit), _how(item, side), item.alignment, chance[is_head], is_head)


def _how(item: Connection, side: str) -> str:
    if side == "before":
        return f"{'feeds' if item.alignment >= 0 else 'works against'} its {item.port}"
    return f"{'reads it' if item.alignment >= 0 else 'reads its opposite'} by its {item.port}"


def _table(scene: Scene, value: NeuronConnections) -> None:
    labels = Labels(scene.view.model, scene.view.revision)
    with st.container(border=True, gap="xxsmall"):
        for line in lines(value):
            unit, how, name, strength = st.columns(WIDTHS, vertical_alignment="center", gap="small")
            title = unit_title(line.unit, "head" if line.is_head else "neuron")
            with unit:
                st.button(
                    literal(title), key=f"connected_{line.how}_{line.unit.text}", type="tertiary", on_click=change,
                    args=(scene.view,), kwargs={"unit": line.unit.text}, help="Open this unit's card.",
                )  # fmt: skip
            how.caption(line.how)
            own = labels.of(line.unit)
            name.caption(literal(own[0].text, 40) if own else "no name yet")
            bold = "**" if abs(line.alignment) > line.chance else ""
            strength.markdown(f"{bold}{line.shown}{bold}")
    st.caption(
        f"Bold stands out from chance: with the neuron's own weights shuffled, the strongest reach {value.chance_before[0]:.2f} "
        f"(neurons) and {value.chance_before[1]:.2f} (heads) before it, {value.chance_after[0]:.2f} and "
        f"{value.chance_after[1]:.2f} after it. {literal(value.note, 300) if value.note else ''}"
    )
