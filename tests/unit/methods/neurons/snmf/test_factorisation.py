"""Semi-NMF: its error is the direct formula and never rises, planted factors come back, and noise has none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from backend.methods.neurons.snmf.factorisation import (
    Factors,
    amounts_for,
    explained,
    fitted,
    largest,
    semi_nmf,
    updated,
)


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def planted(seed: int = 0, neurons: int = 60, samples: int = 400, features: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    """Features of six neurons each, raised or lowered, sparse non-negative amounts, and their product."""
    generator = torch.Generator().manual_seed(seed)
    groups = torch.zeros(neurons, features, dtype=torch.float64)
    for feature in range(features):
        chosen = torch.randperm(neurons, generator=generator)[:6]
        signs = torch.randint(0, 2, (6,), generator=generator) * 2 - 1
        groups[chosen, feature] = signs * (0.7 + 0.6 * torch.rand(6, generator=generator, dtype=torch.float64))
    present = (torch.rand(samples, features, generator=generator) < 0.2).double()
    amounts = present * (0.5 + torch.rand(samples, features, generator=generator, dtype=torch.float64))
    return groups, amounts, groups @ amounts.T


def last(activations: Tensor, features: int, iterations: int, kept: float = 1.0, seed: int = 0) -> Factors:
    return [*semi_nmf(activations, features, iterations, kept, seed)][-1]


def direct(activations: Tensor, found: Factors) -> float:
    return float((activations - found.features @ found.amounts.T).square().sum())


@given(st.integers(0, 10_000), st.integers(2, 6), st.sampled_from([0.1, 0.4, 1.0]))
@settings(max_examples=25, deadline=None)
def test_the_error_is_the_direct_formula_and_never_rises_but_where_neurons_are_chosen(
    seed: int, features: int, kept: float
) -> None:
    activations = draw(seed, 20, 50)
    size = float(activations.square().sum())
    found = None
    for step, found in enumerate(semi_nmf(activations, features, 12, kept, seed)):
        assert found.losses[step] == pytest.approx(direct(activations, found), rel=1e-8, abs=1e-9 * size)
        assert (found.amounts >= 0).all()
        rises = step > 0 and found.losses[step] > found.losses[step - 1] + 1e-9 * size
        assert not rises or step in found.cuts
    assert found is not None
    assert bool(found.cuts) == (kept < 1)


def test_choosing_neurons_does_raise_the_error() -> None:
    """So the exception above is needed."""
    found = last(draw(3, 40, 80), 4, 30, kept=0.1)
    assert found.cuts == (5, 10, 15, 20)
    assert all(found.losses[cut] > found.losses[cut - 1] for cut in found.cuts)
    assert (found.features != 0).sum(0).max() <= 4


def recovered(plant: int) -> bool:
    """Whether the start of the least error, of six, finds each planted feature, its amounts and its neurons."""
    groups, amounts, activations = planted(plant)
    noisy = activations + 0.01 * draw(9, *activations.shape)
    found = min((last(noisy, 5, 100, kept=0.1, seed=start) for start in range(6)), key=lambda factors: factors.losses[-1])
    cosines = [
        torch.nn.functional.normalize(mine, dim=0).T @ torch.nn.functional.normalize(theirs, dim=0)
        for mine, theirs in ((found.features, groups), (found.amounts, amounts))
    ]
    own = cosines[0].argmax(dim=0)
    close = all(bool((cosine.max(dim=0).values > 0.98).all()) for cosine in cosines)
    return close and own.unique().numel() == 5 and bool(((found.features[:, own] != 0) == (groups != 0)).all())


def test_planted_features_come_back_in_five_of_six_plants() -> None:
    """The error has more than one valley, so a start may end beside the planted one; most do not."""
    found = [recovered(plant) for plant in range(6)]
    print(f"\nplants recovered whole: {sum(found)} of 6", end="")
    assert sum(found) >= 5


def test_noise_is_not_taken_for_features() -> None:
    noise = draw(4, 60, 400)
    found = last(noise, 5, 100)
    fresh = draw(5, 60, 400)
    amounts = amounts_for(fresh, found.features, 50)
    assert explained(fresh, found.features, amounts) < 0.1
    groups, _, activations = planted()
    assert explained(activations, groups, amounts_for(activations, groups, 200)) > 0.98  # and planted ones are


def test_a_fit_within_a_choice_of_neurons_is_the_least_squares_one() -> None:
    activations, amounts = draw(1, 8, 30), draw(2, 30, 4).abs()
    allowed = torch.rand(8, 4, generator=torch.Generator().manual_seed(3)) < 0.5
    found = fitted(activations, amounts, allowed)
    for neuron in range(8):
        columns = allowed[neuron].nonzero().ravel()
        expected = np.linalg.lstsq(amounts[:, columns].numpy(), activations[neuron].numpy(), rcond=None)[0]
        assert np.allclose(found[neuron, columns].numpy(), expected, atol=1e-6)
        assert (found[neuron, ~allowed[neuron]] == 0).all()


def test_a_feature_that_nobody_uses_breaks_nothing() -> None:
    activations, amounts = draw(1, 8, 30), draw(2, 30, 3).abs()
    amounts[:, 1] = 0
    weights = fitted(activations, amounts, torch.ones(8, 3, dtype=torch.bool))
    assert torch.isfinite(weights).all()
    assert (updated(activations, weights, amounts)[:, 1] == 0).all()
    zero = last(torch.zeros(8, 30, dtype=torch.float64), 3, 10)
    assert torch.isfinite(zero.features).all()
    assert torch.isfinite(zero.amounts).all()


def test_the_largest_are_kept_and_never_none() -> None:
    weights = torch.tensor([[1.0, -5.0], [-3.0, 0.1], [2.0, 0.2]])
    assert largest(weights, 0.34).T.tolist() == [[False, True, False], [True, False, False]]
    assert largest(weights, 0.0001).sum(0).tolist() == [1, 1]


def test_a_seed_gives_the_same_factors_twice() -> None:
    activations = draw(3, 20, 50)
    one, same, other = (last(activations, 3, 10, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.amounts, same.amounts)
    assert not torch.allclose(one.amounts, other.amounts)
