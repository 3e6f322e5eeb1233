"""What one neuron is wired to: units before it that write what it reads, and units after it that read what it writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from backend.methods.params import Range
from backend.methods.question import Question, Weights
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Result, Step
from backend.models.card import VOCABULARY

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

Port = Literal["input", "gate", "query", "key", "value", "output"]


@dataclass(frozen=True)
class NeuronConnectionsParams:
    """Which neuron, and how many connections."""

    layer: Annotated[str, "The neuron's layer; empty: the MLP in the middle of the model."] = ""
    unit: Annotated[int, Range(0, 1_000_000), "The neuron's number in its layer."] = 0
    count: Annotated[int, Range(1, 100), "Connections listed on each side."] = 10


@dataclass(frozen=True)
class Connection:
    """One connected neuron or head, and by which of the two units' ports it is connected.

    port: of a connection before the neuron, where the neuron reads: its "input" or its "gate". Of one after it, where the other
        unit reads: a neuron's "input" or "gate", a head's "query", "key" or "value".
    alignment: a cosine for neurons, signed; for heads ‖W v‖ / ‖W‖ in Frobenius norm, not negative, 1 / √width at random.
    """

    layer: str
    unit: int
    port: Port
    alignment: float


@dataclass(frozen=True)
class NeuronConnections:
    """The most aligned neurons and heads on both sides of one neuron, strongest by size first.

    chance_before, chance_after: the strongest alignments by size that the neuron has when the coordinates of its own weights
    are shuffled, (neurons, heads): what no connection looks like. note: what could not be told of this model.
    """

    layer: str
    unit: int
    neurons_before: tuple[Connection, ...]
    neurons_after: tuple[Connection, ...]
    heads_before: tuple[Connection, ...]
    heads_after: tuple[Connection, ...]
    chance_before: tuple[float, float]
    chance_after: tuple[float, float]
    note: str = ""


@method(
    "neuron_connections",
    title="Connected units",
    page="neurons",
    params=NeuronConnectionsParams,
    inputs=Weights,
    needs=frozenset({VOCABULARY}),
    returns=NeuronConnections,
    teaching=Teaching(
        "Asks which earlier neurons and heads write what this neuron reads, and which later ones read what it writes.",
        "It cannot tell whether the two are ever active together: the weights are aligned, the data may not be.",
        "Gurnee et al. 2024, Universal Neurons in GPT2 Language Models, composition scores.",
    ),
    cost=lambda params, card: PassCount(),
)
def neuron_connections(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield the connections of one neuron."""
    from backend.methods.neurons.weights.connections import connections

    yield Result(connections(asking.model, question.params, question.seed))
