"""Units by name: what a link says is found again, and what is not there is named with the limit."""

from __future__ import annotations

import pytest

from backend.methods.neurons.unit import Unit, position_of, read_unit, unit_at, unit_title
from backend.methods.params import ParameterError
from backend.models.card import UnitLayer

LAYERS = (UnitLayer("attention.0", 9, "head"), UnitLayer("mlp.0", 1536, "neuron"), UnitLayer("blocks.10", 112, "channel"))


@pytest.mark.parametrize("unit", [Unit("attention.0", 8), Unit("mlp.0", 0), Unit("blocks.10", 111)])
def test_a_unit_is_found_again_by_its_text_and_by_its_place(unit: Unit) -> None:
    assert read_unit(unit.text, LAYERS) == unit
    assert unit_at(position_of(unit, LAYERS), LAYERS) == unit


def test_titles_are_what_readers_expect() -> None:
    assert unit_title(Unit("mlp.17", 842), "neuron") == "L17 · N842"
    assert unit_title(Unit("attention.12", 5), "head") == "L12 · head 5"
    assert unit_title(Unit("blocks.10", 47), "channel") == "blocks.10 · channel 47"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mlp.9:3", "no layer 'mlp.9'"),
        ("mlp.0:1536", "from 0 to 1535"),
        ("mlp.0:-1", "from 0 to 1535"),
        ("mlp.0:", "from 0 to 1535"),
        ("nothing", "no layer ''"),
        ("<script>:1", "no layer '<script>'"),
        ("mlp.0:" + "9" * 50, "from 0 to 1535"),
    ],
)
def test_a_link_to_no_unit_says_what_there_is(text: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        read_unit(text, LAYERS)


def test_a_place_beyond_the_last_unit_is_refused() -> None:
    with pytest.raises(ParameterError, match="only 1,657 units"):
        unit_at(1657, LAYERS)
