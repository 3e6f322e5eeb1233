"""Rankings of units, each held against a plain loop or a planted unit, and cases in which nothing may stand out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data.regions import mask
from backend.methods.neurons.ranking import alike, at_peak, at_positions, cells_inside, over_region, share_beyond, strongest
from backend.methods.question import Box
from backend.models.card import UnitLayer

LAYERS = (UnitLayer("a", 4, "neuron"), UnitLayer("b", 3, "channel"))
RNG = np.random.default_rng(1)
MEAN = RNG.normal(size=7).astype(np.float32)
DEVIATION = RNG.uniform(0.5, 2, size=7).astype(np.float32)


def _activations(seed: int, positions: int = 6) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    return {layer.name: draw.normal(size=(positions, layer.count)).astype(np.float16) for layer in LAYERS}


@given(st.integers(0, 10**6), st.sets(st.integers(0, 5), min_size=1))
def test_the_position_farthest_from_the_units_own_mean_is_found_as_by_a_loop(seed: int, positions: set[int]) -> None:
    activations, wanted = _activations(seed), sorted(positions)
    found = at_positions(activations, LAYERS, MEAN, DEVIATION, wanted)
    rows = np.concatenate([activations["a"], activations["b"]], axis=1).astype(np.float32)
    for unit in range(7):
        far = {place: (rows[place, unit] - MEAN[unit]) / DEVIATION[unit] for place in wanted}
        at = max(wanted, key=lambda place: abs(far[place]))
        assert found.positions[unit] == at
        assert found.deviations[unit] == pytest.approx(far[at], rel=1e-5)
        assert found.values[unit] == rows[at, unit]
        assert found.elsewhere[unit] == pytest.approx(np.delete(rows[:, unit], at).mean(), rel=1e-4, abs=1e-5)


def test_a_unit_that_never_changes_and_a_layer_that_was_not_read_do_not_rank() -> None:
    still = DEVIATION.copy()
    still[1] = 0
    found = at_positions({"a": _activations(0)["a"]}, LAYERS, MEAN, still, [1, 2])
    assert np.isnan(found.deviations[[1, 4, 5, 6]]).all()
    assert set(strongest(np.abs(found.deviations), 10)) == {0, 2, 3}


def test_one_position_has_no_elsewhere_and_none_is_an_error() -> None:
    assert np.isnan(at_positions(_activations(0, 1), LAYERS, MEAN, DEVIATION, [0]).elsewhere).all()
    with pytest.raises(ValueError, match="no position"):
        at_positions(_activations(0), LAYERS, MEAN, DEVIATION, [])


def test_a_planted_region_unit_comes_first_and_another_region_does_not_find_it() -> None:
    draw = np.random.default_rng(2)
    values = {"a": draw.normal(size=(49, 4)).astype(np.float32), "b": draw.normal(size=(16, 3)).astype(np.float32)}
    grid = values["a"].reshape(7, 7, 4)
    grid[1:3, 1:3, 2] += 9
    layers = {"a": (7, 7, 49), "b": (4, 4, 16)}

    def found(box: Box) -> np.ndarray:
        inside = {name: cells_inside(mask([box], 56, 56), *size) for name, size in layers.items()}
        result = over_region(values, LAYERS, np.zeros(7), np.ones(7), inside)
        assert result.values[2] == pytest.approx(values["a"][inside["a"], 2].mean(), rel=1e-5)
        assert result.elsewhere[2] == pytest.approx(values["a"][~inside["a"], 2].mean(), rel=1e-5)
        return strongest(result.deviations, 7)

    assert found(Box(8, 8, 24, 24))[0] == 2
    assert found(Box(40, 40, 56, 56))[0] != 2


@settings(deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(0, 2), st.integers(0, 20), st.integers(0, 20), st.integers(1, 30),
    st.integers(1, 30),
)  # fmt: skip
def test_cells_are_inside_by_half_of_their_area(
    height: int, width: int, before: int, left: int, top: int, wide: int, tall: int
) -> None:
    region = mask([Box(left, top, left + wide, top + tall)], 24, 30)
    inside = cells_inside(region, height, width, height * width + before)
    assert not inside[:before].any()
    fine = region.repeat(height, axis=0).repeat(width, axis=1)  # every cell is whole pixels of the finer picture
    shares = fine.reshape(height, 24, width, 30).mean(axis=(1, 3))
    least = min(0.5, shares.max())
    assert np.array_equal(inside[before:], ((shares >= least - 1e-9) & (shares > 0)).ravel())


def test_fewer_positions_than_cells_are_an_error() -> None:
    with pytest.raises(ValueError, match="15 positions"):
        cells_inside(np.ones((8, 8), bool), 4, 4, 15)


def test_likeness_equals_numpys_correlation_and_is_above_chance_for_a_planted_copy_alone() -> None:
    draw = np.random.default_rng(3)
    values = draw.normal(size=(200, 128)).astype(np.float32)
    values[7] = 3 * values[5] + 0.1 * draw.normal(size=128)
    values[9] = 4.0
    found = alike(values, 5)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.corrcoef(values)[5]
    np.testing.assert_allclose(found.correlation, expected, atol=2e-6)
    assert found.correlation[7] > 0.99 > found.chance
    others = np.delete(np.abs(found.correlation), [5, 7, 9])
    assert others.max() < found.chance + 0.1
    with pytest.raises(ValueError, match="same value"):
        alike(values, 9)


@given(st.lists(st.floats(-5, 5) | st.just(np.nan), max_size=30), st.integers(1, 40), st.integers(0, 99))
def test_the_strongest_are_those_of_a_stable_sort(scores: list[float], count: int, seed: int) -> None:
    column = np.array(scores, np.float32)
    among = np.random.default_rng(seed).random(len(column)) < 0.7
    places = [place for place in range(len(column)) if np.isfinite(column[place]) and among[place]]
    found = strongest(column, count, among)
    assert [column[place] for place in found] == sorted((column[place] for place in places), reverse=True)[:count]
    assert set(found) <= set(places)
    assert len(set(found)) == len(found)


def test_a_peak_is_held_against_the_units_own_peaks_so_that_larger_maps_do_not_win() -> None:
    draw = np.random.default_rng(4)
    activations = {"a": draw.normal(size=(400, 4)), "b": draw.normal(size=(4, 3))}
    sampled = np.concatenate([draw.normal(size=(128, *rows.shape)).max(axis=1).T for rows in activations.values()])
    activations["b"][2, 1] = 5.0
    found = at_peak(activations, LAYERS, sampled)
    assert strongest(found.deviations, 1).tolist() == [5]
    assert found.positions[5] == 2
    assert found.values[5] == 5.0
    assert found.elsewhere[5] == pytest.approx(np.delete(activations["b"][:, 1], 2).mean())
    # Without that, all units of the large map come before the others.
    assert found.values[:4].min() > np.delete(found.values[4:], 1).max()
    assert np.abs(np.delete(found.deviations, 5)).max() < 4


@given(st.lists(st.floats(-3, 3), min_size=5, max_size=400), st.floats(-4, 4))
def test_the_share_beyond_a_value_is_exact_to_one_bin(values: list[float], value: float) -> None:
    low, high, bins = -2.0, 2.0, 64
    column = np.array(values)
    counts, edges = np.histogram(np.clip(column, low, high), bins, (low, high))
    told = share_beyond(value, counts, low, high, column.min(), column.max())
    bin_of = int(np.clip(np.searchsorted(edges, value) - 1, 0, bins - 1))
    near = counts[max(bin_of - 1, 0) : bin_of + 2].sum() / len(column)  # rounding may put an edge into either bin
    exact = min((column > value).mean(), (column <= value).mean())
    assert abs(told - exact) <= near + 1e-9


def test_beyond_the_largest_value_nothing_lies_and_outer_bins_reach_to_the_extremes() -> None:
    counts = np.array([10, 80, 10])
    assert share_beyond(9.0, counts, 0, 3, -5, 9) == 0
    assert share_beyond(5.5, counts, 0, 3, -5, 9) == pytest.approx(0.05)
    assert share_beyond(-2.0, counts, 0, 3, -5, 9) == pytest.approx(0.05)


def test_nothing_counted_has_no_share() -> None:
    assert np.isnan(share_beyond(1.0, np.zeros(64, int), 0, 1, 0, 1))
