"""From a unit's examples to the label they suggest."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from backend.methods.neurons.label_neuron import LabelCandidate, LabelProposal
from backend.methods.neurons.labels.candidates import Candidate, candidates, ranked, union
from backend.methods.neurons.labels.firing import Firing, firing
from backend.methods.neurons.labels.meanings import vectors
from backend.methods.neurons.labels.propose_images import propose_image
from backend.methods.neurons.labels.rules import Rule
from backend.methods.neurons.labels.subject import index_of, text_places_of, unit_of
from backend.methods.neurons.labels.text_places import TextPlaces
from backend.methods.neurons.unit import Unit
from backend.methods.question import Question
from backend.methods.steps import PassCount, Progress, Result, Step
from backend.models.card import ModelCard
from backend.store.unit_index import UnitIndex

if TYPE_CHECKING:
    from backend.engine.asking import AnyAsking

RERANKED, SHOWN = 12, 8  # candidates whose meaning is compared, and those that are told
CONTEXTS, OTHERS = 8, 24  # texts of the unit and of the random sample that a meaning is compared with


def propose(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield progress, then the proposal."""
    card = asking.model.card
    unit, index = unit_of(question, card), index_of(question, card)
    if isinstance(card, ModelCard):
        yield from propose_image(question, asking, unit, index)  # type: ignore[arg-type]
        return
    places = text_places_of(question.inputs, asking.model.tokenizer)  # type: ignore[arg-type, union-attr]
    yield Progress(0, 2)
    found = firing(index, unit, places.starts)
    chosen = yield from proposed(index, unit, places, found)
    yield Result(_proposal(unit, found, chosen))


def proposed(
    index: UnitIndex, unit: Unit, places: TextPlaces, found: Firing | None
) -> Generator[Progress, None, tuple[Candidate, ...]]:
    """The candidates of a neuron of a language model, best first, `yield from` it; none where it never fires."""
    if found is None:
        return ()
    measured: list[Candidate] = []
    for number, candidate in enumerate(candidates(places, found)):
        measured.append(candidate)
        if number % 8 == 7:
            yield Progress(1, 2)
    joined = union(places, found, measured)
    first = ranked([c for c in [*measured, *([joined] if joined else [])] if c.share])[:RERANKED]
    return ranked(first, _similarities([c.rule for c in first], index, unit, places, found))


def _similarities(rules: Iterable[Rule], index: UnitIndex, unit: Unit, places: TextPlaces, found: Firing) -> dict[Rule, float]:
    """How much closer each rule's words are to the unit's texts than to texts of the random sample."""
    rules = list(rules)
    own = [places.window(int(peak)) for peak in found.peaks[:CONTEXTS]]
    starts = places.starts[index.sampled_items]
    others = [
        places.window(int(start) + int(place))
        for item, start, place in zip(index.sampled_items, starts, index.sampled_places(unit), strict=True)
        if int(item) not in found.items
    ][:OTHERS]
    rows = vectors([", ".join(rule.words) for rule in rules] + own + others)
    labels, near, far = np.split(rows, [len(rules), len(rules) + len(own)])
    difference = (labels @ near.T).mean(1) - ((labels @ far.T).mean(1) if len(far) else 0.0)
    return dict(zip(rules, difference.tolist(), strict=True))


def _proposal(unit: Unit, found: Firing | None, chosen: tuple[Candidate, ...]) -> LabelProposal:
    if found is None or not chosen:
        note = "It was never above zero in its examples, so there is nothing to name."
        return LabelProposal(unit.layer, unit.index, "", (), 0, 0.0, 0.0, note, PassCount())
    note = (
        f"From {len(found.places)} tokens of {len(found.peaks)} texts above {found.threshold:.3g}, half of the largest. "
        "Negative activations are not named."
    )
    return LabelProposal(
        unit.layer,
        unit.index,
        chosen[0].rule.text,
        tuple(map(told, chosen[:SHOWN])),
        len(found.peaks),
        found.threshold,
        found.share,
        note,
        PassCount(),
    )


def told(candidate: Candidate) -> LabelCandidate:
    """A candidate as results hold it."""
    return LabelCandidate(
        candidate.rule.text,
        candidate.share,
        candidate.base,
        candidate.information,
        candidate.expected,
        candidate.similarity,
    )
