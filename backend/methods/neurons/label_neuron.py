"""A machine's name for a unit: what its strongest examples have in common that the rest of the corpus has not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from backend.methods.params import Range
from backend.methods.question import Corpus, Question
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import UNITS

if TYPE_CHECKING:
    from backend.engine.asking import AnyAsking

LARGEST_UNIT = 1_000_000
MOST_ITEMS = 100_000_000


@dataclass(frozen=True)
class LabelNeuronParams:
    """Which unit."""

    layer: Annotated[str, "The unit's layer; where it is empty, the middle one of the model's neurons or channels."] = ""
    unit: Annotated[int, Range(0, LARGEST_UNIT), "The unit's number in its layer."] = 0
    items: Annotated[
        int,
        Range(0, MOST_ITEMS),
        "How many samples the index held when this was asked: a larger index makes it another question. 0: whatever it holds.",
    ] = 0


@dataclass(frozen=True)
class LabelCandidate:
    """A label that was weighed.

    share: of the unit's strong places, how many the label is true of. base: of the whole corpus.
    information: pointwise mutual information log(share / base), in nats. expected: the F1 that these promise.
    similarity: how much closer the label's words are to the unit's texts than to other texts, a difference of cosines.
    """

    label: str
    share: float
    base: float
    information: float
    expected: float
    similarity: float


@dataclass(frozen=True)
class LabelProposal:
    """The proposed label and those it was preferred to, best first.

    label: "" where nothing fits; note says why. examples: how many samples the strong places are from.
    threshold: the activation above which a place is strong. firing: the share of the corpus above it.
    """

    layer: str
    unit: int
    label: str
    candidates: tuple[LabelCandidate, ...]
    examples: int
    threshold: float
    firing: float
    note: str
    passes: PassCount


@method(
    "label_neuron",
    title="Label by machine",
    page="neurons",
    params=LabelNeuronParams,
    inputs=Corpus,
    needs=frozenset({UNITS}),
    returns=LabelProposal,
    teaching=Teaching(
        "Asks which word, kind of token or class is frequent where the unit is strong and rare elsewhere.",
        "It cannot find what no list or quote of the corpus says, and a good guess is not yet a test: test the label.",
        "After Hernandez et al. 2022, Natural Language Descriptions of Deep Visual Features (MILAN).",
    ),
    cost=lambda params, card: PassCount(),
)
def label_neuron(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield the proposal. Raises ParameterError where there is no index, no such unit, or too few sources to name from."""
    from backend.methods.neurons.labels.propose import propose

    yield from propose(question, asking)
