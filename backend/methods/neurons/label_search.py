"""Labels of a model by what they mean: the words of a search beside every label, in the space of a sentence encoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.limits import LABEL_CHARACTERS
from backend.methods.params import ParameterError
from backend.methods.question import Question, Weights
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Result, Step
from backend.models.card import UNITS

if TYPE_CHECKING:
    from backend.engine.asking import AnyAsking


@dataclass(frozen=True)
class LabelSearchParams:
    """The words that are searched for."""

    query: Annotated[str, "Words, a phrase or a sentence."] = ""
    state: Annotated[str, "`Labels.state()` when this was asked: once a label changes, it is another question."] = ""


@dataclass(frozen=True)
class LabelMatches:
    """Labels from the nearest down, one an entry in each field.

    labels: their ids. layers, units: whose they are. texts: as they read. similarities: float32 (labels,), cosines.
    """

    labels: tuple[str, ...]
    layers: tuple[str, ...]
    units: tuple[int, ...]
    texts: tuple[str, ...]
    similarities: np.ndarray


@method(
    "label_search",
    title="Units by meaning",
    page="neurons",
    params=LabelSearchParams,
    inputs=Weights,
    needs=frozenset({UNITS}),
    returns=LabelMatches,
    remembered=False,
    teaching=Teaching(
        "Asks which labels mean what the words mean, by the cosine of sentence vectors.",
        "It finds names, not behaviour: a unit whose name is wrong is found by its wrong name.",
        "Reimers and Gurevych 2019, Sentence-BERT; Wang et al. 2020, MiniLM.",
    ),
    cost=lambda params, card: PassCount(),
)
def label_search(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield the labels of the model at its revision. Raises ParameterError for a query that is empty or too long."""
    query = question.params.query.strip()
    if not query:
        raise ParameterError("Query: it is empty; type at least one word.")
    if len(query) > LABEL_CHARACTERS:
        raise ParameterError(f"Query: it has {len(query)} characters; the limit is {LABEL_CHARACTERS}.")
    yield Result(_matches(query, asking))


def _matches(query: str, asking: AnyAsking) -> LabelMatches:
    from backend.methods.neurons.labels.meanings import similarities
    from backend.store.labels import Labels

    card = asking.model.card
    found = Labels(card.name, card.revision).all()
    cosines = similarities(query, [label.text for label in found])
    order = np.argsort(-cosines, kind="stable")
    ordered = [found[number] for number in order]
    return LabelMatches(
        labels=tuple(label.id for label in ordered),
        layers=tuple(label.unit.layer for label in ordered),
        units=tuple(label.unit.index for label in ordered),
        texts=tuple(label.text for label in ordered),
        similarities=cosines[order],
    )
