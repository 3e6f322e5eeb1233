"""Questions as plain JSON and back: for hashes, links, the run store and exported snippets."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from backend.methods import question as words
from backend.methods.params import ParameterError, check

KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        words.Box, words.Stroke, words.RegionEdit, words.Image, words.Runs, words.ClassLogit, words.Contrast,
        words.RandomiseWeights, words.ModelRef, words.Question,
    )
}  # fmt: skip


def encode(value: Any) -> Any:
    """A JSON value for a question or a part of it; a dataclass carries its name under `kind`."""
    if is_dataclass(value) and not isinstance(value, type):
        body = {field.name: encode(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, **body}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{value!r} of type {type(value).__name__} has no JSON form")


def decode(data: Mapping[str, Any]) -> words.Question:
    """The question written by `encode`. Raises ParameterError for anything it could not have written."""
    from backend.methods.registry import method_named

    if not isinstance(data, Mapping) or data.get("kind") != "Question":
        raise ParameterError(f"not a question: {str(data)[:80]}")
    params_class = method_named(str(data.get("method"))).params
    question = _read(words.Question, data, {params_class.__name__: params_class})
    check(question.params)
    return question


def _read(expected: Any, data: Any, params: dict[str, type]) -> Any:
    origin, options = get_origin(expected), get_args(expected)
    if expected is Any or origin in (Union, types.UnionType):
        return _read_any(options, data, params)
    if origin is tuple:
        return _read_tuple(options, data, params)
    if is_dataclass(expected) and isinstance(expected, type):
        return _read_dataclass(expected, data, params)
    if origin is Literal and data in options:
        return data
    if expected is float and isinstance(data, int | float) and not isinstance(data, bool):
        return float(data)
    if isinstance(expected, type) and type(data) is expected:
        return data
    raise ParameterError(f"{str(data)[:80]!r} is not {expected}")


def _read_any(options: tuple[Any, ...], data: Any, params: dict[str, type]) -> Any:
    if data is None and (not options or type(None) in options):
        return None
    if not isinstance(data, Mapping):
        raise ParameterError(f"{str(data)[:80]!r} is not a part of a question")
    kind = {**KINDS, **params}.get(str(data.get("kind")))
    if kind is None or (options and kind not in options):
        raise ParameterError(f"unknown part {str(data.get('kind'))[:80]!r} of a question")
    return _read_dataclass(kind, data, params)


def _read_tuple(options: tuple[Any, ...], data: Any, params: dict[str, type]) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise ParameterError(f"{str(data)[:80]!r} is not a list")
    if len(options) == 2 and options[1] is Ellipsis:
        return tuple(_read(options[0], item, params) for item in data)
    if len(options) != len(data):
        raise ParameterError(f"{str(data)[:80]!r} has {len(data)} items, not {len(options)}")
    return tuple(_read(option, item, params) for option, item in zip(options, data, strict=True))


def _read_dataclass(kind: type, data: Any, params: dict[str, type]) -> Any:
    if not isinstance(data, Mapping) or data.get("kind") != kind.__name__:
        raise ParameterError(f"{str(data)[:80]!r} is not a {kind.__name__}")
    hints = get_type_hints(kind)
    unknown = set(data) - set(hints) - {"kind"}
    if unknown:
        raise ParameterError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    try:
        return kind(**{name: _read(hints[name], data[name], params) for name in hints if name in data})
    except TypeError as error:
        raise ParameterError(f"{kind.__name__}: {error}") from error
