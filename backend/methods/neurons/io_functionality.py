"""What a neuron does to what it reads: adds more of it, takes it away, or writes something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.params import Range
from backend.methods.question import Question, Weights
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import VOCABULARY, UnitLayer

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

ORTHOGONAL, ENRICHMENT, CONDITIONAL_ENRICHMENT, DEPLETION, CONDITIONAL_DEPLETION, PROPORTIONAL = range(6)
IO_CLASSES = (
    "orthogonal output", "enrichment", "conditional enrichment", "depletion", "conditional depletion", "proportional change",
)  # fmt: skip


@dataclass(frozen=True)
class IoFunctionalityParams:
    """When two directions count as one."""

    threshold: Annotated[float, Range(0.1, 0.9, 0.05), "Cosine above which two weight vectors count as aligned."] = 0.5


@dataclass(frozen=True)
class IoFunctionality:
    """Cosines between a neuron's weight vectors and the class they put it in; flat over the MLP layers.

    read_write: float32 (neurons,), cosine of the linear input weights, the reading norm's gain folded in, with the write.
    gate_write, gate_read: float32 (neurons,), the gate's cosines with the write and with the input; NaN without gates.
    classes: uint8 (neurons,), places in `names`. typical: bool (neurons,), whether gate and input agree as the class supposes.
    chance: float32 (layers, 2), between which 95 % of `read_write` lie when input and output come from different neurons.
    control: float64 (names,), the shares of the classes when every write is that of another neuron of the layer.
    folded: false where the norms could not be told, so that bare input weights were compared.
    """

    layers: tuple[UnitLayer, ...]
    read_write: np.ndarray
    gate_write: np.ndarray
    gate_read: np.ndarray
    classes: np.ndarray
    typical: np.ndarray
    chance: np.ndarray
    control: np.ndarray
    gated: bool
    folded: bool
    names: tuple[str, ...] = IO_CLASSES

    @property
    def shares(self) -> np.ndarray:
        """Share of each class in each layer, float64 (layers, names)."""
        return class_shares(self.classes, self.layers, len(self.names))

    @property
    def note(self) -> str:
        """What a reader must know of how the classes came about."""
        gates = "" if self.gated else "This model's neurons have no gate: one cosine tells enrichment from depletion. "
        return gates + ("" if self.folded else "The norms before the MLPs could not be told; bare input weights were compared.")


def class_shares(classes: np.ndarray, layers: tuple[UnitLayer, ...], count: int) -> np.ndarray:
    """Share of each of `count` classes in each layer, float64 (layers, count), from classes (neurons,) in flat order."""
    ends = np.cumsum([layer.count for layer in layers])[:-1]
    return np.array([np.bincount(part, minlength=count) / max(len(part), 1) for part in np.split(classes, ends)])


def io_classes(
    read_write: np.ndarray, gate_write: np.ndarray, gate_read: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Class and whether it is typical, uint8 and bool (neurons,), by Gerstner and Schütze's rule.

    Checked against the authors' code (sjgerstner/RW_functionalities): six classes by one threshold, 0.5, on strict
    inequalities; the sign of the gate's cosine never decides the class, as (−w_in, −w_out) is the same neuron. Typical is a
    class whose third cosine follows from the other two being aligned or not; where the gate stands against the write, the
    authors' `copysign` takes its sign alone, while here it turns the sign of gate_read, as geometry asks.
    """
    gate_aligned = np.abs(gate_write) > threshold  # false for NaN, so that ungated neurons are conditional by this test alone
    ungated = np.isnan(gate_write)
    classes = np.full(len(read_write), ORTHOGONAL, dtype=np.uint8)
    classes[gate_aligned] = PROPORTIONAL
    for sign, whole, conditional in ((1, ENRICHMENT, CONDITIONAL_ENRICHMENT), (-1, DEPLETION, CONDITIONAL_DEPLETION)):
        aligned = sign * read_write > threshold
        classes[aligned] = np.where(gate_aligned | ungated, whole, conditional)[aligned]
    agreement = np.sign(gate_write) * gate_read
    three = np.isin(classes, (ENRICHMENT, DEPLETION))
    typical = np.where(three, np.sign(read_write) * agreement > threshold, np.abs(gate_read) <= threshold)
    return classes, typical | ungated | (classes == ORTHOGONAL)


@method(
    "io_functionality",
    title="Input and output of neurons",
    page="neurons",
    params=IoFunctionalityParams,
    inputs=Weights,
    needs=frozenset({VOCABULARY}),
    returns=IoFunctionality,
    teaching=Teaching(
        "Asks whether a neuron writes more of the direction it reads, less of it, or another one.",
        "It cannot tell whether the direction means anything, nor how often the neuron fires.",
        "Gerstner and Schütze 2025, arXiv 2505.17936.",
    ),
    cost=lambda params, card: PassCount(),
)
def io_functionality(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield the cosines and classes layer by layer, then the whole."""
    from backend.methods.neurons.weights.io_cosines import io_cosines

    yield from io_cosines(asking.model, question.params.threshold, question.seed)
