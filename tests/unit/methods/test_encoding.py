"""Questions as JSON: what goes out comes back, and what could not have gone out is refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as any_of

from backend.methods.encoding import decode, encode
from backend.methods.params import ParameterError
from backend.methods.question import (
    Box,
    ClassLogit,
    Contrast,
    Image,
    ModelRef,
    Question,
    RandomiseWeights,
    RegionEdit,
    Runs,
    Stroke,
)
from backend.methods.registry import method_named

number = any_of.floats(allow_nan=False, allow_infinity=False) | any_of.integers(-(10**6), 10**6)
shape = any_of.builds(Box, number, number, number, number) | any_of.builds(
    Stroke, any_of.lists(any_of.tuples(number, number), max_size=4).map(tuple), number
)
edit = any_of.builds(
    RegionEdit, any_of.lists(shape, max_size=3).map(tuple), any_of.sampled_from(["blur", "grey", "noise"]), any_of.booleans()
)
image = any_of.builds(Image, any_of.text(), any_of.lists(edit, max_size=3).map(tuple))
model = any_of.builds(ModelRef, any_of.text(min_size=1), any_of.text(), any_of.sampled_from(["float32", "float64", "bfloat16"]))
index = any_of.integers(0, 2**60)
target = any_of.none() | any_of.builds(ClassLogit, index) | any_of.builds(Contrast, index, index)
weights = any_of.lists(any_of.builds(RandomiseWeights, index, index, index), max_size=2).map(tuple)


@any_of.composite
def polishings(draw: Any) -> Question:
    params = method_named("test_polish").params(
        steps=draw(any_of.integers(8, 256)),
        strength=draw(any_of.floats(0, 1)),
        cloth=draw(any_of.sampled_from(["felt", "silk"])),
        scale=draw(any_of.sampled_from([0.5, 1.0])),
        wet=draw(any_of.booleans()),
        name=draw(any_of.text()),
    )
    return Question("test_polish", draw(model), draw(image), params, draw(target), draw(weights), draw(index))


@any_of.composite
def questions(draw: Any) -> Question:
    """A polishing, or a check of some of them."""
    if draw(any_of.booleans()):
        return draw(polishings())
    params = method_named("test_inspect").params(rounds=draw(any_of.integers(1, 9)))
    return Question("test_inspect", draw(model), Runs(tuple(draw(any_of.lists(polishings(), max_size=2)))), params)


json_values = any_of.recursive(
    any_of.none() | any_of.booleans() | any_of.integers() | any_of.floats() | any_of.text(max_size=5),
    lambda inner: any_of.lists(inner, max_size=3) | any_of.dictionaries(any_of.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def example() -> Question:
    photo = Image("a" * 64, (RegionEdit((Box(1, 2, 3, 4), Stroke(((1, 2),), 5))),))
    return Question("test_polish", ModelRef("net"), photo, method_named("test_polish").params(), ClassLogit(3))


@given(questions())
@settings(max_examples=150, deadline=None)
def test_a_question_comes_back_from_its_json_with_its_hash(question: Question) -> None:
    back = decode(json.loads(json.dumps(encode(question))))
    assert back == question
    assert back.hash == question.hash


def test_what_was_left_out_takes_its_default() -> None:
    data = encode(example())
    for name in ("edits", "seed"):
        del data[name]
    assert decode(data) == example()


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value where another value could stand."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path] + [place for key, value in items for place in places(value, (*path, key))]


@given(any_of.data())
@settings(max_examples=300, deadline=None)
def test_hostile_json_is_a_question_or_a_parameter_error(data: Any) -> None:
    """Any part replaced by anything: what is accepted has valid parameters and a form that decodes to itself."""
    hostile = copy.deepcopy(encode(example()))
    place = data.draw(any_of.sampled_from(places(hostile)))
    value = data.draw(json_values | any_of.sampled_from([encode(Box(0, 0, 1, 1)), encode(ClassLogit(1)), encode(example())]))
    if not place:
        hostile = value
    else:
        parent = hostile
        for key in place[:-1]:
            parent = parent[key]
        parent[place[-1]] = value
    try:
        question = decode(hostile)
    except ParameterError:
        return
    assert type(question.params) is method_named(question.method).params
    assert decode(encode(question)) == question


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("method", "rm -rf", "no method named 'rm -rf'"),
        ("method", ["test_polish"], "no method named"),
        ("params", {"kind": "Polish", "steps": 7}, "Steps: 7 is outside 8 to 256"),
        ("params", {"kind": "Box", "left": 0, "top": 0, "right": 1, "bottom": 1}, "is not a Polish"),
        ("params", None, "is not a Polish"),
        ("target", {"kind": "ModelRef", "name": "net"}, "no part a question may have there"),
        ("target", {"kind": "ClassLogit"}, "ClassLogit: .*missing"),
        ("target", {"kind": "ClassLogit", "index": True}, "'True' is not"),
        ("target", {"kind": "ClassLogit", "index": 1, "colour": "red"}, "ClassLogit has no colour"),
        ("model", {"kind": "ModelRef", "name": "net", "dtype": "int4"}, "'int4' is none of float32"),
        ("seed", 0.5, "'0.5' is not"),
        ("edits", "all", "'all' is not a list"),
    ],
)
def test_a_wrong_part_is_refused_by_name(part: str, value: Any, message: str) -> None:
    data = {**encode(example()), part: value}
    with pytest.raises(ParameterError, match=message):
        decode(data)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400])
def test_a_coordinate_that_is_no_finite_number_is_refused(value: float) -> None:
    data = encode(example())
    data["inputs"]["edits"][0]["shapes"][0]["left"] = value
    with pytest.raises(ParameterError, match="is not a finite number"):
        decode(data)


def test_questions_nested_without_end_are_refused() -> None:
    data = encode(example())
    for _ in range(5000):
        data = {**encode(example()), "method": "test_inspect", "inputs": {"kind": "Runs", "questions": [data]}}
    with pytest.raises(ParameterError, match="nested too deep"):
        decode(data)
