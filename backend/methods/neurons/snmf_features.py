"""Features of a layer's neurons by semi-non-negative matrix factorisation: groups that fire together, and what they write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.params import ParameterError, Range
from backend.methods.question import Corpus, Question
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import UNITS, VOCABULARY, LanguageCard

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

TOP = 8
BEFORE, AFTER = 10, 3  # tokens shown around the one where a feature is strongest


@dataclass(frozen=True)
class SnmfParams:
    """Which layer, into how many features, from how many tokens."""

    layer: Annotated[str, "A layer of neurons, such as mlp.15; empty for the middle one."] = ""
    features: Annotated[int, Range(4, 128, 4), "How many features the layer is taken apart into."] = 32
    tokens: Annotated[int, Range(256, 8192, 256), "Tokens the features are fitted on; as many again are held out."] = 2048
    iterations: Annotated[int, Range(20, 400, 20), "Steps; at first a feature may use every neuron, then ever fewer."] = 80
    kept: Annotated[float, Range(0.005, 1.0, 0.005), "Share of the neurons a feature may use in the end; 1 for all."] = 0.05


@dataclass(frozen=True)
class SnmfFeatures:
    """Features of one layer, the strongest first.

    weights: float32 (features, neurons). strength: float32 (features,), share of the activations' squared size.
    windows: int32 (features, 8, 14), token ids around the strongest places, −1 beyond a text's ends; amounts: float32, alike,
        NaN where a token was not read; peak: the column of the strongest token. sources: where each of the windows is from.
    direction: float32 (features, width), what a feature writes to the residual stream; top_tokens, bottom_tokens: int32
        (features, 8), the tokens it raises and lowers most, top_logits and bottom_logits: float32, before the final norm's scale.
    losses: float64, squared error after each step as a share of the activations'; cuts: the steps at which neurons were chosen.
    explained: share of the held-out activations' squared size; control: the same with each feature's neurons permuted.
    """

    layer: str
    weights: np.ndarray
    strength: np.ndarray
    windows: np.ndarray
    amounts: np.ndarray
    peak: int
    sources: tuple[tuple[str, ...], ...]
    direction: np.ndarray
    top_tokens: np.ndarray
    top_logits: np.ndarray
    bottom_tokens: np.ndarray
    bottom_logits: np.ndarray
    losses: np.ndarray
    cuts: tuple[int, ...]
    explained: float
    control: float
    passes: PassCount
    seconds: float


@method(
    "snmf_features",
    title="Features of a layer (SNMF)",
    page="neurons",
    params=SnmfParams,
    inputs=Corpus,
    needs=frozenset({UNITS, VOCABULARY}),
    returns=SnmfFeatures,
    lane="background",
    teaching=Teaching(
        "Takes a layer's activations apart into groups of neurons that fire together, each present by a non-negative amount.",
        "It cannot tell how many features there are, nor that the model uses these; another number or start gives others.",
        "Shafran, Geiger and Geva 2025, Decomposing MLP Activations by Semi-Nonnegative Matrix Factorization; Ding et al. 2010.",
    ),
    cost=lambda params, card: PassCount(params.tokens),
)
def snmf_features(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield the features as they form. Raises ParameterError for a layer without neurons, CorpusError for the corpus."""
    from backend.methods.neurons.snmf.finding import find

    layer = neuron_layer(question.params.layer, asking.model.card)
    yield from find(question, asking, layer)


def neuron_layer(name: str, card: LanguageCard) -> str:
    """The layer that a parameter names, the middle one where it names none. Raises ParameterError naming the layers."""
    layers = [layer.name for layer in card.units if layer.kind == "neuron"]
    if not name:
        return layers[len(layers) // 2]
    if name not in layers:
        raise ParameterError(f"Layer: {name[:40]!r} has no neurons; there are {layers[0]} to {layers[-1]}.")
    return name
