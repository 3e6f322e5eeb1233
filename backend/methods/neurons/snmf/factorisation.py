"""Semi-non-negative matrix factorisation: activations as sums of features, each present by a non-negative amount."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

RIDGE = 1e-10  # of the mean squared amount, so that a feature nobody uses leaves the equations solvable
CUTS = 4
GROUPING_STEPS = 15
LITTLE = 0.2  # of every feature in every sample: an amount of zero would stay zero (Ding et al. 2010)
SYSTEM_BYTES = 64 * 1024**2  # of the equations held at a time


@dataclass(frozen=True)
class Factors:
    """activations ≈ features · amountsᵀ.

    features: float64 (neurons, features). amounts: float64 (samples, features), ≥ 0, columns of length 1.
    losses: float64 (iterations + 1,), squared error after each iteration, never rising but at a cut.
    cuts: the iterations at which neurons were chosen for each feature, ever fewer; none where all are allowed.
    """

    features: Tensor
    amounts: Tensor
    losses: tuple[float, ...]
    cuts: tuple[int, ...]


def semi_nmf(activations: Tensor, features: int, iterations: int, kept: float, seed: int) -> Iterator[Factors]:
    """Yield the factors after each iteration (Ding, Li and Jordan 2010; Shafran, Geiger and Geva 2025).

    activations: float64 (neurons, samples). kept: share of the neurons that a feature may use in the end. All are allowed at
    first; then each feature's largest are chosen, in CUTS steps of equal ratio, and it is fitted within that choice.
    """
    amounts = _start(activations, features, seed)  # (samples, features)
    weights = torch.zeros(len(activations), features, dtype=torch.float64, device=activations.device)
    allowed = torch.ones_like(weights, dtype=torch.bool)
    planned = {
        (number + 1) * iterations // (CUTS + 2): kept ** ((number + 1) / CUTS) for number in range(CUTS if kept < 1 else 0)
    }
    size, losses = float(activations.square().sum()), []
    for iteration in range(iterations + 1):
        if iteration in planned:
            allowed = largest(weights, planned[iteration])
        weights = fitted(activations, amounts, allowed)
        losses.append(loss(size, activations @ amounts, weights, amounts))
        weights, amounts = _scaled(weights, amounts)
        yield Factors(weights, amounts, tuple(losses), tuple(cut for cut in planned if cut <= iteration))
        amounts = updated(activations, weights, amounts)


def _start(activations: Tensor, features: int, seed: int) -> Tensor:
    """Amounts to begin with: which of `features` groups a sample is in, found by spherical k-means, plus a little of all."""
    directions = torch.nn.functional.normalize(activations.T, dim=1)  # (samples, neurons)
    centres = _spread(directions, features, seed)
    for _ in range(GROUPING_STEPS):
        groups = (directions @ centres.T).argmax(dim=1)  # (samples,)
        members = torch.nn.functional.one_hot(groups, features).to(directions)  # (samples, features)
        sums = members.T @ directions
        centres = torch.where(sums.norm(dim=1, keepdim=True) > 0, torch.nn.functional.normalize(sums, dim=1), centres)
    return members + LITTLE


def _spread(directions: Tensor, count: int, seed: int) -> Tensor:
    """Samples far from each other, (count, neurons): each is drawn by its squared distance to those before (k-means++)."""
    generator = torch.Generator().manual_seed(seed)
    chosen = directions[torch.randint(len(directions), (1,), generator=generator)]
    while len(chosen) < count:
        distance = (1 - (directions @ chosen.T).amax(dim=1)).clamp_min(1e-9).cpu()
        chosen = torch.cat([chosen, directions[torch.multinomial(distance, 1, generator=generator)]])
    return chosen


def fitted(activations: Tensor, amounts: Tensor, allowed: Tensor) -> Tensor:
    """The features (neurons, features) that fit best for given amounts, each using the allowed neurons only.

    Every neuron is a least-squares problem of its own among the features that may use it.
    """
    gram = amounts.T @ amounts  # (features, features)
    target = activations @ amounts  # (neurons, features)
    ridge = RIDGE * float(gram.diagonal().mean()) * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    if bool(allowed.all()):
        return torch.linalg.solve(gram + ridge, target.T).T
    at_once = max(1, SYSTEM_BYTES // (8 * len(gram) ** 2))
    parts = zip(target.split(at_once), allowed.split(at_once), strict=True)
    return torch.cat([_restricted(gram + ridge, wanted, open_) for wanted, open_ in parts])


def _restricted(gram: Tensor, target: Tensor, allowed: Tensor) -> Tensor:
    """Solutions (neurons, features) of each neuron's own equations, those of features it is not allowed to use left out."""
    both = allowed[:, :, None] & allowed[:, None, :]  # (neurons, features, features)
    system = torch.where(both, gram, torch.eye(len(gram), dtype=gram.dtype, device=gram.device))
    return torch.linalg.solve(system, torch.where(allowed, target, 0.0)[..., None])[..., 0] * allowed


def updated(activations: Tensor, features: Tensor, amounts: Tensor) -> Tensor:
    """Amounts after one multiplicative step, which never raises the error; an amount of zero stays zero."""
    towards, between = activations.T @ features, features.T @ features
    above = towards.clamp_min(0) + amounts @ between.clamp_max(0).neg()
    below = towards.clamp_max(0).neg() + amounts @ between.clamp_min(0)
    return amounts * torch.where(below > 0, above / below.clamp_min(1e-300), 1.0).sqrt()


def loss(size: float, target: Tensor, features: Tensor, amounts: Tensor) -> float:
    """‖activations − features · amountsᵀ‖² by traces, without the dense product.

    size: ‖activations‖². target: activations · amounts, (neurons, features).
    """
    cross = float((features * target).sum())
    own = float(((features.T @ features) * (amounts.T @ amounts)).sum())
    return size - 2 * cross + own


def largest(features: Tensor, kept: float) -> Tensor:
    """Which neurons each feature keeps, bool (neurons, features): its share `kept` of largest size, at least one."""
    count = max(1, round(kept * len(features)))
    chosen = features.abs().topk(count, dim=0).indices
    return torch.zeros_like(features, dtype=torch.bool).scatter_(0, chosen, torch.ones_like(chosen, dtype=torch.bool))


def amounts_for(activations: Tensor, features: Tensor, iterations: int) -> Tensor:
    """Amounts (samples, features) of given features in other activations (neurons, samples)."""
    amounts = torch.ones(activations.shape[1], features.shape[1], dtype=torch.float64, device=activations.device)
    for _ in range(iterations):
        amounts = updated(activations, features, amounts)
    return amounts


def explained(activations: Tensor, features: Tensor, amounts: Tensor) -> float:
    """1 − squared error / squared size: the share of the activations that the factors account for."""
    size = float(activations.square().sum())
    return 1 - loss(size, activations @ amounts, features, amounts) / size if size else float("nan")


def _scaled(features: Tensor, amounts: Tensor) -> tuple[Tensor, Tensor]:
    """The same product with columns of amounts of length 1; a feature without amounts stays as it is."""
    lengths = amounts.norm(dim=0)
    lengths = torch.where(lengths > 0, lengths, 1.0)
    return features * lengths, amounts / lengths
