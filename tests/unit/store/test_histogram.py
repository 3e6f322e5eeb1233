"""Quantiles from counts and moments from sums, against numpy on the values themselves."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from backend.store.histogram import Counted, standardised_moments

DRAW = np.random.default_rng(0)
VALUES = {
    "Gaussian": DRAW.normal(2.0, 0.5, 200_000),
    "heavy-tailed": DRAW.laplace(0.0, 0.1, 200_000) ** 3,
    "rectified": np.maximum(DRAW.normal(-1.0, 1.0, 200_000), 0.0),
}


def counted(values: np.ndarray, low: float, high: float) -> Counted:
    """What an index holds of the values, one unit, items of 100 values each."""
    counts = np.histogram(np.clip(values, low, high), 64, (low, high))[0]
    items = values[: len(values) // 100 * 100].reshape(-1, 100)
    few = (np.sort(items.min(axis=1))[2], np.sort(items.max(axis=1))[-8])
    return Counted(counts[None], *(np.array([number]) for number in (low, high, values.min(), values.max(), *few)))


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99, 0.998, 0.999])
def test_a_quantile_leaves_its_share_below(name: str, share: float) -> None:
    """The bins reach as far as the first 500 values do, as in a build; the tail lies beyond."""
    values, first = VALUES[name], VALUES[name][:500]
    found = counted(values, first.min(), first.max()).quantile(share)[0]
    left, right = np.mean(values < found), np.mean(values <= found)
    width = (first.max() - first.min()) / 64
    near = abs(found - np.quantile(values, share)) <= width
    assert near or min(abs(left - share), abs(right - share)) <= 0.4 * (1 - share)


def test_one_outlier_does_not_move_a_percentile() -> None:
    values = np.append(1e4, VALUES["Gaussian"])
    counts = counted(values, 1.0, 3.2)
    assert counts.quantile(0.999)[0] == pytest.approx(np.quantile(values, 0.999), abs=0.1)
    assert counts.quantile(0.9)[0] == pytest.approx(np.quantile(values, 0.9), abs=0.05)


def test_units_do_not_mix_and_nothing_counted_is_no_number() -> None:
    parts = [counted(VALUES["Gaussian"], 0.0, 4.0), counted(VALUES["rectified"], 0.0, 2.0)]
    both = Counted(**{name.name: np.concatenate([getattr(part, name.name) for part in parts]) for name in fields(Counted)})
    assert both.quantile(0.99).tolist() == [part.quantile(0.99)[0] for part in parts]
    assert np.isnan(Counted(np.zeros((1, 64)), *(np.zeros(1) for _ in range(6))).quantile(0.5)[0])


@pytest.mark.parametrize("name", VALUES)
def test_moments_are_those_of_the_values(name: str) -> None:
    values = VALUES[name]
    shift = values[:100].mean()
    sums = np.array([[((values - shift) ** power).sum() for power in (1, 2, 3, 4)]])
    found = standardised_moments(np.array([shift]), sums, np.array([len(values)]))
    z = (values - values.mean()) / values.std()
    wanted = {"mean": values.mean(), "deviation": values.std(), "skewness": (z**3).mean(), "kurtosis": (z**4).mean()}
    for moment, value in wanted.items():
        assert found[moment][0] == pytest.approx(value, rel=1e-6, abs=1e-9)


def test_a_unit_that_never_changes_has_no_skewness() -> None:
    found = standardised_moments(np.array([3.0]), np.zeros((1, 4)), np.array([10]))
    assert (found["mean"][0], found["deviation"][0]) == (3.0, 0.0)
    assert np.isnan(found["skewness"][0])
    assert np.isnan(found["kurtosis"][0])
