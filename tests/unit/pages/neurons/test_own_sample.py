"""Where a value stands among the unit's values over the corpus."""

from __future__ import annotations

import numpy as np
import pytest

from backend.store.unit_index import UnitRecord
from pages.neurons.own_sample import _percent, share_below


def record(values: np.ndarray) -> UnitRecord:
    """A record with the histogram of these values over their middle, the outer bins holding the tails."""
    low, high = float(np.quantile(values, 0.01)), float(np.quantile(values, 0.99))
    counts = np.histogram(np.clip(values, low, high), 64, (low, high))[0].astype(np.uint32)
    return UnitRecord(
        counts, low, high, float(values.min()), float(values.max()), 0.0, 1.0, 0.0, 3.0, 0.5, {}, {}
    )  # fmt: skip


def test_shares_are_those_of_the_values_themselves() -> None:
    values = np.random.default_rng(0).normal(size=20_000)
    known = record(values)
    for value in (-1.5, -0.3, 0.0, 0.7, 2.0):
        assert share_below(known, value) == pytest.approx(float((values < value).mean()), abs=0.01)


def test_beyond_the_ends_are_none_and_all() -> None:
    known = record(np.random.default_rng(0).normal(size=1000))
    assert share_below(known, known.minimum - 1) == 0.0
    assert share_below(known, known.maximum + 1) == 1.0
    assert 0.97 < share_below(known, known.high) < 1.0


def test_a_rare_value_is_told_from_the_rarest() -> None:
    assert _percent(0.42) == "42 %"
    assert _percent(0.9971) == "99.71 %"
    assert _percent(0.99999) == "99.99 %"
    assert _percent(1.0) == "every value"
