"""Questions as plain JSON and back: for hashes, links, the run store and exported snippets."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from backend.methods import question as words
from backend.methods.params import ParameterError, check

KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        words.Box, words.Stroke, words.RegionEdit, words.Image, words.Prompt, words.Corpus, words.Weights, words.Runs,
        words.ClassLogit, words.Contrast, words.TokenLogit, words.RandomiseWeights, words.ScaleUnits, words.ClampUnits,
        words.ModelRef, words.Question,
    )
}  # fmt: skip

MAX_FLOAT = sys.float_info.max
EXACT = 2**53  # every whole number below it is a float


def encode(value: Any) -> Any:
    """A JSON value for a question or a part of it; a dataclass carries its name under `kind`."""
    if is_dataclass(value) and not isinstance(value, type):
        body = {field.name: encode(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, **body}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return int(value)  # 2 and 2.0 are equal, so they must hash alike
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{value!r} of type {type(value).__name__} has no JSON form")


def decode(data: Mapping[str, Any]) -> words.Question:
    """The question written by `encode`. Raises ParameterError for anything it could not have written."""
    try:
        return _read_question(data)
    except RecursionError as error:
        raise ParameterError("not a question: nested too deep") from error


def _read_question(data: Any) -> words.Question:
    """A question, the parameters of its own method read and checked, as are those of the questions in its inputs."""
    from backend.methods.registry import method_named

    if not isinstance(data, Mapping) or data.get("kind") != "Question":
        raise ParameterError(f"not a question: {str(data)[:80]}")
    try:
        params = method_named(str(data.get("method"))).params
    except ValueError as error:
        raise ParameterError(str(error)) from error
    question: words.Question = _read_dataclass(words.Question, data, params)
    check(question.params)
    return question


def _read(expected: Any, data: Any, params: type) -> Any:
    origin, options = get_origin(expected), get_args(expected)
    if expected is words.Question:
        return _read_question(data)
    if expected is Any:  # only the parameters are declared so
        return _read_dataclass(params, data, params)
    if origin in (Union, types.UnionType):
        return _read_union(options, data, params)
    if origin is tuple:
        return _read_tuple(options, data, params)
    if is_dataclass(expected) and isinstance(expected, type):
        return _read_dataclass(expected, data, params)
    if origin is Literal:
        return _read_option(options, data)
    if expected is float and isinstance(data, int | float) and not isinstance(data, bool):
        return _read_float(data)
    if isinstance(expected, type) and type(data) is expected:
        return data
    raise ParameterError(f"{str(data)[:80]!r} is not {expected}")


def _read_union(options: tuple[Any, ...], data: Any, params: type) -> Any:
    if data is None and type(None) in options:
        return None
    kind = KINDS.get(str(data.get("kind"))) if isinstance(data, Mapping) else None
    if kind is None or kind not in options:
        raise ParameterError(f"{str(data)[:80]!r} is no part a question may have there")
    return _read_dataclass(kind, data, params)


def _read_option(options: tuple[Any, ...], data: Any) -> Any:
    for option in options:  # 1 may have been written for 1.0, but not for True
        if option == data and isinstance(option, bool) == isinstance(data, bool):
            return option
    raise ParameterError(f"{str(data)[:80]!r} is none of {', '.join(map(str, options))}")


def _read_float(data: int | float) -> float:
    if not -MAX_FLOAT <= data <= MAX_FLOAT:  # NaN too
        raise ParameterError(f"{str(data)[:80]} is not a finite number")
    return float(data)


def _read_tuple(options: tuple[Any, ...], data: Any, params: type) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise ParameterError(f"{str(data)[:80]!r} is not a list")
    if len(options) == 2 and options[1] is Ellipsis:
        return tuple(_read(options[0], item, params) for item in data)
    if len(options) != len(data):
        raise ParameterError(f"{str(data)[:80]!r} has {len(data)} items, not {len(options)}")
    return tuple(_read(option, item, params) for option, item in zip(options, data, strict=True))


def _read_dataclass(kind: type, data: Any, params: type) -> Any:
    if not isinstance(data, Mapping) or data.get("kind") != kind.__name__:
        raise ParameterError(f"{str(data)[:80]!r} is not a {kind.__name__}")
    hints = get_type_hints(kind)
    unknown = set(data) - set(hints) - {"kind"}
    if unknown:
        raise ParameterError(f"{kind.__name__} has no {', '.join(sorted(map(str, unknown)))[:80]}")
    try:
        return kind(**{name: _read(hints[name], data[name], params) for name in hints if name in data})
    except TypeError as error:
        raise ParameterError(f"{kind.__name__}: {error}") from error
