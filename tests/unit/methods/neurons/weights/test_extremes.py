"""The fast way to the largest and smallest entries gives what sorting the whole row gives."""

from __future__ import annotations

import pytest
import torch

from backend.methods.neurons.weights.extremes import GROUP, extremes


@pytest.mark.parametrize("length", [5, 640, 64 * 21, 64 * 21 + 1, 64 * 40 - 1, 49152])
@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_the_sorted_row(length: int, count: int, seed: int) -> None:
    rows = torch.randn(7, length, generator=torch.Generator().manual_seed(seed))
    top, top_places, low, low_places = extremes(rows, count)
    ordered = rows.sort(dim=1).values
    assert torch.equal(top, ordered.flip(1)[:, :count])
    assert torch.equal(low, ordered[:, :count])
    assert torch.equal(rows.gather(1, top_places), top)
    assert torch.equal(rows.gather(1, low_places), low)


def test_all_extremes_of_one_group_are_found() -> None:
    """The worst case for groups: everything that counts stands in one of them, or behind the last one."""
    groups = 30
    rows = torch.zeros(2, groups * GROUP + 3)
    rows[0, 4 + groups * torch.arange(10)] = torch.arange(1.0, 11.0)
    rows[1, -3:] = torch.tensor([3.0, 9.0, 6.0])
    top, places, _, _ = extremes(rows, 10)
    assert top[0].tolist() == [10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]
    assert top[1, :3].tolist() == [9.0, 6.0, 3.0]
    assert len(set(places[1].tolist())) == 10


def test_equal_entries_are_never_taken_twice() -> None:
    _, top_places, _, low_places = extremes(torch.ones(3, 64 * 25 + 9), 8)
    assert all(len(set(row)) == 8 for row in [*top_places.tolist(), *low_places.tolist()])
