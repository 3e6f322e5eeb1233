"""The unit index: one pass over a corpus collects what every unit of a model does on it; the arrays stay on disk."""

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

BLOCK = 128


@dataclass(frozen=True)
class NeuronIndex:
    """How much of the corpus is read."""

    items: Annotated[
        int,
        Range(BLOCK, 128 * BLOCK, BLOCK),
        "Sequences or pictures drawn from the corpus, rounded up to whole blocks of 128; fewer where it holds fewer.",
    ] = 12 * BLOCK


@dataclass(frozen=True)
class IndexProgress:
    """How far the index on disk has come; `backend.store.unit_index.open_index` reads it.

    revision: of the model. items, items_total: sequences or pictures passed, and asked for.
    positions: values counted of each unit of the largest layer. finished: whether all asked for have passed.
    """

    model: str
    revision: str
    corpus: Corpus
    items: int
    items_total: int
    positions: int
    finished: bool


@method(
    "neuron_index",
    title="Unit index",
    page="neurons",
    params=NeuronIndex,
    inputs=Corpus,
    needs=frozenset({UNITS}),
    returns=IndexProgress,
    lane="background",
    remembered=False,
    teaching=Teaching(
        "Asks where in a corpus each unit is most and least active, and how its activations are distributed.",
        "It cannot tell what a unit does on text or pictures unlike the corpus. First tokens of sequences are left out: they "
        "hold outliers that are the same for every text.",
        "After Gurnee et al. 2024, Universal Neurons in GPT-2 Language Models; Lin 2023, Neuronpedia.",
    ),
    cost=lambda params, card: PassCount(params.items),
)
def neuron_index(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield how far the index has come, at every checkpoint a snapshot; it continues where an earlier build stopped.

    Raises CorpusError for a corpus that is gone, changed, empty or of another kind than the model reads, StoreError where the
    disk does not take the index, ValueError naming the layer whose activations are not finite.
    """
    from backend.methods.neurons.index.building import build

    yield from build(question, asking)
