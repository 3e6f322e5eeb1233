"""Units by what their names mean: the names that people and machines gave, beside the words of the search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.methods.neurons.unit import Unit, position_of
from backend.methods.params import ParameterError
from backend.methods.question import Weights
from backend.store.labels import Labels
from pages.neurons import answers
from pages.neurons.columns import Columns
from pages.neurons.finds import Found, nothing
from pages.neurons.scene import Scene


def by_meaning(scene: Scene, known: Columns) -> Found:
    """Units whose names mean what the words mean, by a sentence encoder on this machine."""
    if not known.labels:
        return nothing(known.units, "No unit of this model has a name yet. Name one on its card, or search in another way.")
    state = Labels(scene.view.model, scene.view.revision).state()
    question = scene.view.question("label_search", Weights(), query=scene.view.find.strip(), state=state)
    answer = answers.answer(scene, question, keep=False)
    if answer.value is None:
        return nothing(known.units, answer.problem, awaited=answer.awaited)
    scores = np.full(known.units, np.nan, np.float32)
    names = [""] * known.units
    for layer, number, text, cosine in zip(
        answer.value.layers, answer.value.units, answer.value.texts, answer.value.similarities, strict=True
    ):
        try:
            place = position_of(Unit(layer, number), known.layers)
        except ParameterError:
            continue  # a name of a unit that this revision no longer has
        if not names[place]:  # nearest first, so the first is the unit's nearest
            scores[place], names[place] = cosine, text
    told: dict[str, np.ndarray | Sequence[str]] = {"Name found": names, "Likeness": scores}
    return Found(scores, "nearest first", told, _note(scores, known.units))


def _note(scores: np.ndarray, units: int) -> str:
    named = scores[np.isfinite(scores)]
    median = f"; the median of all is {np.median(named):.2f}" if len(named) else ""
    return (
        f"Searched the names of {len(named):,} units with a local sentence encoder; {units - len(named):,} have none yet. "
        f"Likeness is a cosine{median}."
    )
