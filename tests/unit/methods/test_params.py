"""Parameters: one annotation makes the form, the validation and the link."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as any_of

from backend.methods.params import ParameterError, Range, check, check_value, from_text, specs, to_text


@dataclass(frozen=True)
class Polish:
    steps: Annotated[int, Range(8, 256, step=8), "Points on the path."] = 64
    strength: Annotated[float, Range(0, 1, step=0.05), "How hard to rub."] = 0.5
    cloth: Literal["felt", "silk"] = "felt"
    grain: Literal[4, 8] = 4
    wet: bool = False
    name: str = ""


valid = any_of.builds(
    Polish,
    steps=any_of.integers(8, 256),
    strength=any_of.floats(0, 1),
    cloth=any_of.sampled_from(["felt", "silk"]),
    grain=any_of.sampled_from([4, 8]),
    wet=any_of.booleans(),
    name=any_of.text(),
)


def test_the_annotation_is_the_form() -> None:
    steps, strength, cloth, grain, wet, name = specs(Polish)
    assert (steps.label, steps.kind, steps.default, steps.help) == ("Steps", int, 64, "Points on the path.")
    assert steps.range == Range(8, 256, step=8)
    assert strength.kind is float
    assert (cloth.kind, cloth.options) == (str, ("felt", "silk"))
    assert (grain.kind, grain.options) == (int, (4, 8))
    assert (wet.kind, name.kind) == (bool, str)


@given(valid)
def test_a_link_brings_back_what_it_was_made_from(params: Polish) -> None:
    check(params)
    assert from_text(Polish, to_text(params)) == params


def test_defaults_are_not_written_into_a_link() -> None:
    assert to_text(Polish()) == {}
    assert to_text(Polish(wet=True, strength=0.25)) == {"wet": "true", "strength": "0.25"}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"steps": "7"}, "Steps: 7 is outside 8 to 256"),
        ({"steps": "1e9"}, "'1e9' is not of type int"),
        ({"steps": ""}, "'' is not of type int"),
        ({"steps": "9" * 400}, "Steps: 9{39}… is outside 8 to 256"),
        ({"steps": "9" * 9000}, "is not of type int"),
        ({"strength": "nan"}, "Strength: nan is outside 0 to 1"),
        ({"strength": "inf"}, "Strength: inf is outside 0 to 1"),
        ({"strength": "-0.01"}, "-0.01 is outside"),
        ({"cloth": "<script>alert(1)</script>"}, "'<script>alert.* is none of felt, silk"),
        ({"grain": "5"}, "Grain: 5 is none of 4, 8"),
        ({"wet": "yes"}, "'yes' is not of type bool"),
        ({"colour": "red"}, "'colour' is no parameter here; there are steps, strength"),
    ],
)
def test_a_link_out_of_range_is_refused_with_the_value_and_the_limit(texts: dict[str, str], message: str) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        from_text(Polish, texts)
    assert len(str(caught.value)) < 200


@given(any_of.dictionaries(any_of.sampled_from(["steps", "strength", "cloth", "grain", "wet", "x"]), any_of.text(max_size=30)))
def test_any_link_gives_valid_parameters_or_a_parameter_error(texts: dict[str, str]) -> None:
    try:
        params = from_text(Polish, texts)
    except ParameterError:
        return
    check(params)


@pytest.mark.parametrize("value", [True, "64", 64.0, None, math.nan, [64]])
def test_a_value_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(ParameterError, match="is not of type int"):
        check(Polish(steps=value))


def test_a_whole_number_serves_where_a_fraction_may_stand_and_not_the_other_way() -> None:
    check(Polish(strength=1))
    with pytest.raises(ParameterError):
        check(Polish(steps=64.0))  # type: ignore[arg-type]


def test_an_option_must_be_of_its_own_type() -> None:
    grain = specs(Polish)[3]
    check_value(grain, 4)
    with pytest.raises(ParameterError):
        check_value(grain, 4.0)
