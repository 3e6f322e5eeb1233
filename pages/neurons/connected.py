"""Connected to: the units whose weights line up with a neuron's, before it and after it, as a list that can be followed."""

from __future__ import annotations

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
        _tables(scene, found.value)


def before(value: NeuronConnections) -> list[Line]:
    """The strongest neurons, then heads, that write what the neuron reads."""
    sides = ((False, value.neurons_before[:NEURONS]), (True, value.heads_before[:HEADS]))
    return [_line(item, _feeds(item), value.chance_before[is_head], is_head) for is_head, found in sides for item in found]


def after(value: NeuronConnections) -> list[Line]:
    """The strongest neurons, then heads, that read what the neuron writes."""
    sides = ((False, value.neurons_after[:NEURONS]), (True, value.heads_after[:HEADS]))
    return [_line(item, _reads(item), value.chance_after[is_head], is_head) for is_head, found in sides for item in found]


def _line(item: Connection, how: str, chance: float, is_head: bool) -> Line:
    return Line(Unit(item.layer, item.unit), how, item.alignment, chance, is_head)


def _feeds(item: Connection) -> str:
    return f"{'feeds' if item.alignment >= 0 else 'works against'} its {item.port}"


def _reads(item: Connection) -> str:
    return f"{'reads it' if item.alignment >= 0 else 'reads its opposite'} by its {item.port}"


def _tables(scene: Scene, value: NeuronConnections) -> None:
    grid = st.grid(2, min_column_width=420, gap="large")
    with grid.container(border=True, height="stretch"):
        _table(scene, "Before it", before(value), value.chance_before)
    with grid.container(border=True, height="stretch"):
        _table(scene, "After it", after(value), value.chance_after)
    if value.note:
        st.caption(literal(value.note, 300))


def _table(scene: Scene, title: str, lines: list[Line], chance: tuple[float, float]) -> None:
    labels = Labels(scene.view.model, scene.view.revision)
    st.markdown(f"**{title}**")
    if not lines:
        st.caption("Nothing: the neuron is in the first or the last block.")
        return
    with st.container(gap="xxsmall"):
        for line in lines:
            _row(scene, line, labels)
    st.caption(
        f"Bold stands out from chance: with the neuron's own weights shuffled, the strongest reach {chance[0]:.2f} (neurons) and "
        f"{chance[1]:.2f} (heads)."
    )


def _row(scene: Scene, line: Line, labels: Labels) -> None:
    unit, how, name, strength = st.columns(WIDTHS, vertical_alignment="center", gap="small")
    with unit:
        st.button(
            literal(unit_title(line.unit, "head" if line.is_head else "neuron")), key=f"connected_{line.how}_{line.unit.text}",
            type="tertiary", on_click=change, args=(scene.view,), kwargs={"unit": line.unit.text}, help="Open this unit's card.",
        )  # fmt: skip
    how.caption(line.how)
    own = labels.of(line.unit)
    name.caption(literal(own[0].text, 40) if own else "no name yet")
    bold = "**" if abs(line.alignment) > line.chance else ""
    strength.markdown(f"{bold}{line.shown}{bold}")
