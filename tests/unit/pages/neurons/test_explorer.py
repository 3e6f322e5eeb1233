"""What the explorer works out before it draws: one flat order, filters, and how a prompt's tokens are numbered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from backend.methods.params import ParameterError
from backend.models.card import UnitLayer
from components.figures.unit_scatter import Statistic
from pages.neurons.columns import UNCLASSED, Columns, Family, spread
from pages.neurons.facets import passing, slug
from pages.neurons.finds import token_positions, token_read
from pages.neurons.table import density_bins
from pages.neurons.view import View

LAYERS = (UnitLayer("mlp.0", 3, "neuron"), UnitLayer("attention.0", 2, "head"), UnitLayer("mlp.1", 3, "neuron"))
OWN = (LAYERS[0], LAYERS[2])


def _columns(**more: Any) -> Columns:
    rates = Statistic("fires on, %", np.array([1, 50, 3, 90, 4, 2, 80, np.nan], np.float32))
    family = Family(
        ("other", "one two", "three"), spread(np.array([0, 1, 2, 1, 1, 0], np.uint8), OWN, LAYERS, UNCLASSED), np.zeros(3)
    )
    return Columns(LAYERS, {"firing_rate": rates}, {"reads": family}, **more)


def test_values_of_some_layers_are_spread_over_all() -> None:
    found = spread(np.arange(6, dtype=np.float32), OWN, LAYERS)
    np.testing.assert_array_equal(found, [0, 1, 2, np.nan, np.nan, 3, 4, 5])
    half = spread(np.arange(3, dtype=np.float32), OWN, LAYERS)  # as a result that grows layer by layer
    np.testing.assert_array_equal(half, [0, 1, 2] + [np.nan] * 5)


def test_classes_are_counted_by_layer_and_heads_have_none() -> None:
    family = _columns().families["reads"]
    assert family.counts(LAYERS).tolist() == [[1, 0, 1], [1, 0, 2], [1, 0, 0]]


@pytest.mark.parametrize(
    ("view", "kept"),
    [
        (View(), range(8)),
        (View(layer="mlp.1"), [5, 6, 7]),
        (View(layer="no-such"), range(8)),
        (View(facets=("one-two",)), [1, 5, 6]),
        (View(facets=("one-two", "three")), [1, 2, 5, 6]),
        (View(facets=("one-two", "three"), layer="mlp.0"), [1, 2]),
        (View(facets=("rare",)), [0, 2, 4, 5]),
        (View(facets=("rare", "one-two")), [5]),
        (View(facets=("labelled",)), []),
        (View(facets=("unknown-class",)), range(8)),
    ],
)
def test_filters_of_one_kind_add_up_and_of_two_kinds_narrow(view: View, kept: Any) -> None:
    assert np.flatnonzero(passing(view, _columns())).tolist() == list(kept)


def test_a_class_reads_as_links_write_it() -> None:
    assert slug("attention deactivation") == "attention-deactivation"


@pytest.mark.parametrize(("text", "places"), [("", [1, 2, 3, 4]), ("0", [0]), ("4", [4])])
def test_tokens_of_a_prompt_are_all_but_the_first_or_the_one_numbered(text: str, places: list[int]) -> None:
    assert token_positions(text, 5) == places


def test_a_prompt_of_one_token_is_searched_at_it() -> None:
    assert token_positions("", 1) == [0]


@pytest.mark.parametrize("text", ["5", "-1", "two", "1e3", "９９", "9" * 40])
def test_a_token_that_is_not_there_is_named_with_the_limit(text: str) -> None:
    with pytest.raises(ParameterError, match="0 to 4"):
        token_positions(text, 5)


def test_a_word_is_looked_for_with_its_space_and_several_tokens_are_said() -> None:
    tokenizer = Tokenizer(models.WordLevel({"Ġday": 0, "day": 1, "un": 2, "known": 3}, unk_token="un"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "removed")
    ids, words = token_read(tokenizer, "day known")
    assert ids == [1, 3]
    assert "2 tokens" in words
    assert token_read(tokenizer, "day") == ([1], "Read as the token “day”, number 1.")
    assert token_read(tokenizer, " ")[0] == []


@pytest.mark.parametrize("bins", [64, 32, 16])
def test_a_small_density_keeps_the_order_of_its_bins(bins: int) -> None:
    counts = np.zeros(bins, np.uint32)
    counts[0], counts[-1] = 999, 9
    found = density_bins(counts)
    assert (len(found), found[0], found[-1]) == (16, 3.0, 1.0)
    assert not any(found[1:-1])
