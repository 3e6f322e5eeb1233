"""The directions of the residual stream that the unembedding hardly reads."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SHARE = 0.05


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


def null_space(readout: Tensor) -> NullSpace:
    """The right singular directions of the readout (tokens, width) with the smallest 5 % of singular values.

    Stolfo et al. (2024) take a fixed few per cent too. Directions as small as the largest of these belong to it as well,
    so that a readout with a true null space has all of it here.
    """
    squares, vectors = torch.linalg.eigh(readout.T.double() @ readout.double())  # ascending
    last = max(1, round(SHARE * len(squares))) - 1
    limit = squares[last] * (1 + 1e-6) + squares[-1] * 1e-12
    return NullSpace(vectors[:, squares <= limit].to(readout.dtype))
