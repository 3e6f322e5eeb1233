"""A histogram fitted to familiar samples under chosen settings: scores new samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.methods.neurons.draw.coverage_choice import Setting, samples_of
from backend.methods.neurons.draw.coverage_histogram import alphas_of, counted, coverage, layer_scores, states
from backend.models.card import UnitLayer


@dataclass(frozen=True)
class Fitted:
    """layers: those that count. alphas: one a layer. filled: samples that fill an interval. counts: (bins, units)."""

    layers: tuple[UnitLayer, ...]
    alphas: tuple[float, ...]
    filled: int
    counts: np.ndarray

    @classmethod
    def of(cls, built: np.ndarray, layers: Sequence[UnitLayer], chosen: Setting, bins: int) -> Fitted:
        """The histogram of products (samples, units), layer after layer as in `layers`, of which some are chosen."""
        kept = tuple(layers[number] for number in chosen.layers)
        own = columns(built, layers, chosen.layers)
        alphas = alphas_of(own, kept, chosen.steepness)
        return cls(kept, alphas, samples_of(chosen.share, len(built)), counted(states(own, alphas, kept), bins))

    def coverage(self, products: np.ndarray) -> np.ndarray:
        """Coverage of each unit's state, float32 (samples, units), from products of the layers that count."""
        return coverage(states(products, self.alphas, self.layers), self.counts, self.filled)

    def scores(self, products: np.ndarray) -> np.ndarray:
        """Mean coverage over units and then over layers, float32 (samples,), from products of the layers that count."""
        return layer_scores(self.coverage(products), self.layers).mean(axis=1)


def columns(products: np.ndarray, layers: Sequence[UnitLayer], chosen: Sequence[int]) -> np.ndarray:
    """The columns of some layers, by number, from products (samples, units) of all of them."""
    ends = np.cumsum([layer.count for layer in layers])
    return np.concatenate([products[:, ends[number] - layers[number].count : ends[number]] for number in chosen], axis=1)
