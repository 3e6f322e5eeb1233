"""The choice of language neurons: entropy by hand, the bar by sorting, and random neurons of equal number a layer."""

from __future__ import annotations

import numpy as np
import pytest

from backend.methods.neurons.languages.lape import language_specific, random_like

RATES = np.array([[0.9, 0.0], [0.0, 0.8], [0.7, 0.7], [0.01, 0.0], [0.0, 0.0], [0.5, 0.1]])


def test_lowest_entropy_first_among_those_that_fire_enough() -> None:
    found = language_specific(RATES, share=0.5, quantile=0.6)
    assert found.bar == pytest.approx(np.sort(RATES.ravel())[round(12 * 0.6) - 1])
    assert found.entropy[:4] == pytest.approx([0, 0, np.log(2), 0], abs=1e-6)
    # The fourth has no entropy either, but passes the bar in no language.
    assert found.assigned.tolist() == [[True, False], [False, True], [False] * 2, [False] * 2, [False] * 2, [True, False]]


def test_a_share_of_few_takes_few_and_never_a_silent_one() -> None:
    assert language_specific(RATES, share=1 / 6, quantile=0.5).assigned.any(axis=1).tolist() == [True, *[False] * 5]
    everything = language_specific(RATES, share=1.0, quantile=0.5).assigned.any(axis=1)
    assert everything.tolist() == [True, True, True, False, False, True]


def test_without_firing_nothing_is_chosen() -> None:
    found = language_specific(np.zeros((8, 3)), share=0.5, quantile=0.9)
    assert not found.assigned.any()
    assert not found.entropy.any()


def test_a_neuron_may_stand_for_two_languages() -> None:
    rates = np.array([[0.9, 0.9, 0.0], *[[0.1, 0.1, 0.1]] * 9])
    assert language_specific(rates, share=0.1, quantile=0.9).assigned[0].tolist() == [True, True, False]


def test_random_neurons_are_as_many_in_every_layer_and_none_chosen() -> None:
    generator = np.random.default_rng(0)
    chosen = np.zeros(30, dtype=bool)
    chosen[[0, 1, 12, 25, 26, 27]] = True
    seen = np.zeros(30, dtype=bool)
    for _ in range(50):
        drawn = random_like(chosen, ~chosen, (10, 10, 10), generator)
        assert [int(part.sum()) for part in np.split(drawn, 3)] == [2, 1, 3]
        assert not (drawn & chosen).any()
        seen |= drawn
    assert (seen | chosen).all()
