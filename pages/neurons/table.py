"""The list of units that match, best first, and the one that is opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from backend.data.pieces import piece_texts
from backend.engine import engine
from backend.methods.neurons.ranking import share_beyond
from backend.methods.neurons.unit import Unit, unit_at, unit_title
from backend.models.card import UnitLayer
from backend.store.labels import Label
from backend.store.unit_index import UnitRecord
from components.token_text import visible
from pages.neurons import answers
from pages.neurons.columns import UNCLASSED, Columns, spread, weights_question
from pages.neurons.finds import Found
from pages.neurons.link import change, keep_matches
from pages.neurons.scene import Scene

LISTED = 50
ROW_PIXELS = 40
DENSITY_BINS = 16
TOKENS_SHOWN = 4
FORMATS = {
    "As far on": "%.2f %%",
    "As high on": "%.0f %%",
    "Deviations": "%+.1f",
    "Correlation": "%+.2f",
    "Raises it by": "%+.3f",
    "Likeness": "%.2f",
}
HELP = {
    "Here": "The unit's activation where it is farthest from its own mean.",
    "Elsewhere": "Its mean activation on the rest of this sample: what the value beside it is held against.",
    "As far on": "On how many of the corpus' tokens the unit is as far out or farther, on the same side.",
    "As high on": "On how many of the pictures drawn at random from the corpus the unit reaches as much.",
    "Deviations": "How far the activation is from the unit's own mean over the corpus, in its own standard deviations.",
    "Label test": "F1 of the name on samples it was not chosen on. Empty: not tested yet.",
    "Shuffled": "F1 of other units' names on the same samples: what a name that says nothing reaches.",
    "Fires": "On how many of the corpus' positions the activation is above zero.",
    "Writes": "The tokens whose logits its write raises most.",
    "Activation density": "How often each activation occurs, from least to largest, on a logarithmic scale.",
}


def show(scene: Scene, known: Columns, places: np.ndarray, found: Found | None) -> None:
    """The table of these flat places, and the button that opens the chosen one."""
    units = [unit_at(int(place), known.layers) for place in places]
    keep_matches(scene.view, [unit.text for unit in units])
    if not units:
        return
    rows = _rows(scene, known, places, units, found)
    state = st.dataframe(
        rows, hide_index=True, row_height=ROW_PIXELS, on_select="rerun", selection_mode="single-row", height=_height(len(units)),
        column_config=_config(rows), key=f"neurons_list_{hash(tuple(places.tolist()))}", placeholder="",
    )  # fmt: skip
    chosen = state.selection.rows[0] if state.selection.rows and state.selection.rows[0] < len(units) else 0
    _open(scene, known.layers, units[chosen], len(units))


def _open(scene: Scene, layers: Sequence[UnitLayer], unit: Unit, count: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            f"Open {title_of(unit, layers)}", icon=":material/open_in_full:", type="primary", on_click=change, args=(scene.view,),
            kwargs={"unit": unit.text},
        )  # fmt: skip
        if count > 1:
            st.caption("Pick a row to choose another; J and K step through them.", width="content")


def title_of(unit: Unit, layers: Sequence[UnitLayer]) -> str:
    """The unit as readers see it."""
    return unit_title(unit, next(layer.kind for layer in layers if layer.name == unit.layer))


def _height(rows: int) -> int:
    return min(rows, 12) * ROW_PIXELS + ROW_PIXELS + 2


def _rows(
    scene: Scene, known: Columns, places: np.ndarray, units: Sequence[Unit], found: Found | None
) -> dict[str, Sequence[Any]]:
    """The table column by column; columns that say nothing of any row are left out."""
    table: dict[str, Sequence[Any]] = {"Unit": [title_of(unit, known.layers) for unit in units]}
    for title, values in (found.told if found is not None else {}).items():
        table[title] = [_plain(values[int(place)]) for place in places]
    if scene.index is not None and scene.reads_text and "Here" in table:
        table["As far on"] = [_beyond(scene.index.record(unit), value) for unit, value in zip(units, table["Here"], strict=True)]
    labels = [known.labels.get(int(place)) for place in places]
    table["Label"] = [label.text if label else None for label in labels]
    table["By"] = [label.source if label else None for label in labels]
    table["Label test"] = [_number_of(label, "f1") for label in labels]
    table["Shuffled"] = [_number_of(label, "shuffled") for label in labels]
    if "firing_rate" in known.statistics:
        table["Fires"] = [_plain(known.statistics["firing_rate"].values[int(place)]) for place in places]
    table["Class"] = [_classes(known, int(place)) for place in places]
    if scene.reads_text:
        table["Writes"] = _writes(scene, known, places)
    if scene.index is not None:
        table["Activation density"] = [density_bins(scene.index.record(unit).counts) for unit in units]
    return {title: values for title, values in table.items() if any(value not in (None, "", []) for value in values)}


def _plain(value: Any) -> float | str | None:
    if isinstance(value, str):
        return value
    return float(value) if np.isfinite(value) else None


def _beyond(record: UnitRecord, value: Any) -> float | None:
    """On how many of the corpus' tokens the unit is as far out, in per cent."""
    if value is None:
        return None
    return 100 * share_beyond(float(value), record.counts, record.low, record.high, record.minimum, record.maximum)


def _number_of(label: Label | None, name: str) -> float | None:
    value = label.test.get(name) if label is not None else None
    return float(value) if isinstance(value, int | float) else None


def _classes(known: Columns, place: int) -> str | None:
    names = [
        family.names[family.classes[place]] for family in known.families.values() if family.classes[place] not in (0, UNCLASSED)
    ]
    return ", ".join(names) or None


def _writes(scene: Scene, known: Columns, places: np.ndarray) -> list[list[str]]:
    """The tokens each neuron raises most, as texts; empty for heads and while they are not known."""
    answer = answers.answer(scene, weights_question(scene, "token_projection"), lambda value: bool(len(value.top_tokens)))
    tokenizer = engine().workshop.tokenizer(scene.question_model)
    if answer.value is None or tokenizer is None:
        return [[] for _ in places]
    tokens = spread(answer.value.top_tokens[:, :TOKENS_SHOWN], answer.value.layers, known.layers, missing=-1)
    return [[visible(text, 16) for text in piece_texts(tokenizer, row[row >= 0])] for row in tokens[places]]


def density_bins(counts: np.ndarray) -> list[float]:
    """A histogram in few bins on a logarithmic scale."""
    bins = counts.astype(np.float64).reshape(DENSITY_BINS, -1).sum(axis=1)
    return [round(float(value), 3) for value in np.log10(bins + 1)]


def _config(rows: dict[str, Sequence[Any]]) -> dict[str, Any]:
    column = st.column_config
    special: dict[str, Any] = {
        "Unit": column.TextColumn(width=125 if "Writes" in rows else 165),
        "Label": column.TextColumn(width=220),
        "By": column.TextColumn(width=70),
        "Label test": column.ProgressColumn(
            "Label test, F1", width=110, min_value=0, max_value=1, format="%.2f", help=HELP["Label test"]
        ),
        "Fires": column.NumberColumn(width=75, format="%.1f %%", help=HELP["Fires"]),
        "Name found": column.TextColumn(width=220),
        "At": column.TextColumn(width=90),
        "Class": column.TextColumn(width=150),
        "Writes": column.ListColumn(width=250, help=HELP["Writes"]),
        "Activation density": column.BarChartColumn(width=120, y_min=0, help=HELP["Activation density"]),
    }
    numbers = {
        title: column.NumberColumn(width=90, format=FORMATS.get(title, "%.2f"), help=HELP.get(title))
        for title in rows
        if title not in special
    }
    return special | numbers
