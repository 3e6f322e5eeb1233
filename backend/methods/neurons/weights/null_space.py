"""The directions of the residual stream that the unembedding hardly reads."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from backend.methods.neurons.weights.products import BLOCK_OPERATIONS

SHARE = 0.05
NOUGHT = 1e-6  # of the largest square: what products in single precision leave of a zero


@dataclass(frozen=True)
class NullSpace:
    """basis: (width, directions), orthonormal. chance: the share of a random write that lies in it, directions / width."""

    basis: Tensor

    @property
    def chance(self) -> float:
        """Share of a random direction's squared length that lies in the space."""
        return self.basis.shape[1] / self.basis.shape[0]

    def share(self, unit_writes: Tensor) -> Tensor:
        """Share of the squared length of each unit vector (neurons, width) that lies in the space, (neurons,)."""
        return (unit_writes @ self.basis).square().sum(dim=1)


def null_space(readout: Tensor) -> Generator[None, None, NullSpace]:
    """The right singular directions of the readout (tokens, width) with the smallest 5 % of singular values.

    Yields while the products are made, as they take a while for a large vocabulary. Stolfo et al. (2024) take a fixed few per
    cent too. Directions as small as the largest of these belong to the space as well, so that a readout with a true null space
    has all of it here.
    """
    width = readout.shape[1]
    squared = torch.zeros(width, width, dtype=torch.float64, device=readout.device)
    for part in readout.split(max(1, int(BLOCK_OPERATIONS / (2 * width**2)))):
        squared += part.T @ part
        yield
    squares, vectors = torch.linalg.eigh(squared)  # ascending
    last = max(1, round(SHARE * width)) - 1
    return NullSpace(vectors[:, squares <= squares[last] + NOUGHT * squares[-1]].to(readout.dtype))
