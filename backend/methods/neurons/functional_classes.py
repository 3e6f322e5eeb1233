"""What a neuron's write is for: to predict tokens, to rule them out, to part the vocabulary, to be sure, to rest a head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.neurons.io_functionality import class_shares
from backend.methods.params import Range
from backend.methods.question import Question, Weights
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import VOCABULARY, UnitLayer

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

OTHER, PREDICTION, SUPPRESSION, PARTITION, ENTROPY, DEACTIVATION = range(6)
FUNCTIONAL_CLASSES = ("other", "prediction", "suppression", "partition", "entropy", "attention deactivation")
TOP_LAYERS = 0.25
LARGE_NORM = 0.9


@dataclass(frozen=True)
class FunctionalClassesParams:
    """Where the classes begin. Kurtosis and variance as in the code of Gurnee et al.; the paper ranks the other two by eye."""

    kurtosis: Annotated[float, Range(4, 100, 1), "Kurtosis of the cosines above which few tokens stand out (3 is normal)."] = 10.0
    partition: Annotated[
        float, Range(1, 50, 0.5), "Variance of the cosines, in multiples of a random write's 1 / width. 5 is 0.005 at width 1024."
    ] = 5.0
    null_share: Annotated[
        float, Range(0.1, 1, 0.05), "Share of an entropy neuron's write in the 5 % of directions the unembedding reads least."
    ] = 0.5
    deactivation: Annotated[
        float, Range(3, 30, 0.5), "Cosine with a head's rest direction, in standard deviations of a random write's, 1 / √width."
    ] = 6.0


@dataclass(frozen=True)
class FunctionalClasses:
    """Statistics of every MLP neuron's write and the class they put it in; flat over `layers`, the MLP layers.

    mean, variance, skewness, kurtosis: float32 (neurons,), of cos(readout of a token, w_out) over the vocabulary.
    norm: float32 (neurons,), length of w_out. null_share: float32 (neurons,), see the parameters; at random `null_chance`.
    deactivation: float32 (neurons,), the largest cosine by size with the rest direction of a later head, signed;
    head: int32 (neurons,), that head's flat number, block × heads + head, −1 where there is none;
    score: float32 (neurons,), change of that head's score for the first token at activation 1, but for the norm's scale.
    classes: uint8 (neurons,), places in `names`. control: float64 (names,), the shares among `controls` writes whose
    coordinates were shuffled. Classes tell of the write at positive activation: a gated neuron's activation has both signs.
    """

    layers: tuple[UnitLayer, ...]
    mean: np.ndarray
    variance: np.ndarray
    skewness: np.ndarray
    kurtosis: np.ndarray
    norm: np.ndarray
    null_share: np.ndarray
    deactivation: np.ndarray
    head: np.ndarray
    score: np.ndarray
    classes: np.ndarray
    control: np.ndarray
    controls: int
    null_chance: float
    heads: int
    heads_known: bool
    names: tuple[str, ...] = FUNCTIONAL_CLASSES

    @property
    def shares(self) -> np.ndarray:
        """Share of each class in each layer, float64 (layers, names)."""
        return class_shares(self.classes, self.layers, len(self.names))

    @property
    def note(self) -> str:
        """What a reader must know of how the classes came about."""
        heads = "" if self.heads_known else " This model's heads could not be read, so attention deactivation was not looked for."
        return "Classes tell of the write at positive activation." + heads


@dataclass(frozen=True)
class WriteStatistics:
    """What decides a class, for neurons of one layer; each (neurons,). large: whether the write is among its layer's longest."""

    variance: np.ndarray
    skewness: np.ndarray
    kurtosis: np.ndarray
    large: np.ndarray
    null_share: np.ndarray
    deactivation: np.ndarray


def classes_of(found: WriteStatistics, params: FunctionalClassesParams, width: int, *, top: bool) -> np.ndarray:
    """The class of each neuron, uint8 (neurons,); where two fit, the first of prediction, suppression, partition, entropy
    and deactivation. top: whether the layer is in the last quarter, where entropy neurons are looked for."""
    peaked = found.kurtosis > params.kurtosis
    fits = {
        PREDICTION: peaked & (found.skewness > 0),
        SUPPRESSION: peaked & (found.skewness < 0),
        PARTITION: found.variance * width > params.partition,
        ENTROPY: (found.null_share >= params.null_share) & found.large & top,
        DEACTIVATION: found.deactivation * np.sqrt(width) > params.deactivation,
    }
    classes = np.full(len(found.variance), OTHER, dtype=np.uint8)
    for name, fit in reversed(fits.items()):
        classes[fit] = name
    return classes


@method(
    "functional_classes",
    title="Functional classes",
    page="neurons",
    params=FunctionalClassesParams,
    inputs=Weights,
    needs=frozenset({VOCABULARY}),
    returns=FunctionalClasses,
    lane="background",
    teaching=Teaching(
        "Asks what a write is for: tokens predicted or ruled out, a parting of the vocabulary, confidence, a head at rest.",
        "It cannot tell what the neuron does by way of later blocks, nor when it fires; thresholds cut what is gradual.",
        "Gurnee et al. 2024, Universal Neurons in GPT2 Language Models; Stolfo et al. 2024 for entropy neurons.",
    ),
    cost=lambda params, card: PassCount(1, 0),
)
def functional_classes(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield statistics and classes after every layer, then the whole."""
    from backend.methods.neurons.weights.write_statistics import write_statistics

    yield from write_statistics(asking, question.params, question.seed)
