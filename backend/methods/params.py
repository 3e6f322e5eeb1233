"""Parameters: a frozen dataclass is at once the form, the link and the validation of a method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints


class ParameterError(ValueError):
    """A value outside what a question allows; the message names the value and the limit."""


@dataclass(frozen=True)
class Range:
    """Inclusive bounds of a number, and the step its slider takes."""

    low: float
    high: float
    step: float = 1


@dataclass(frozen=True)
class ParameterSpec:
    """One parameter as a form shows it: a choice among `options`, a switch, or a number within `range`."""

    name: str
    kind: type
    default: Any
    help: str
    range: Range | None = None
    options: tuple[Any, ...] = ()

    @property
    def label(self) -> str:
        """The name as words, first letter capital."""
        return self.name.replace("_", " ").capitalize()


def specs(params_class: type) -> tuple[ParameterSpec, ...]:
    """The parameters of a dataclass in order, read from its annotations, once."""
    return _specs(params_class)


@cache
def _specs(params_class: Any) -> tuple[ParameterSpec, ...]:
    hints = get_type_hints(params_class, include_extras=True)
    return tuple(_spec(field.name, hints[field.name], field.default) for field in fields(params_class))


def _spec(name: str, hint: Any, default: Any) -> ParameterSpec:
    metadata: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        metadata = tuple(extras)
    options = get_args(hint) if get_origin(hint) is Literal else ()
    return ParameterSpec(
        name=name,
        kind=type(options[0]) if options else hint,
        default=default,
        help=next((item for item in metadata if isinstance(item, str)), ""),
        range=next((item for item in metadata if isinstance(item, Range)), None),
        options=options,
    )


def check(params: Any) -> None:
    """Validate every value against its annotation. Raises ParameterError naming the value and the limit."""
    for spec in specs(type(params)):
        check_value(spec, getattr(params, spec.name))


def check_value(spec: ParameterSpec, value: Any) -> None:
    """Validate one value. Raises ParameterError naming the value and the limit."""
    if spec.options:
        if value not in spec.options or type(value) is not spec.kind:
            raise ParameterError(f"{spec.label}: {_shown(value)} is none of {', '.join(map(str, spec.options))}.")
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = number and (spec.kind is float or isinstance(value, int)) if spec.kind in (int, float) else type(value) is spec.kind
    if not fits:
        raise ParameterError(f"{spec.label}: {_shown(value)} is not of type {spec.kind.__name__}.")
    if spec.range and not spec.range.low <= value <= spec.range.high:
        raise ParameterError(f"{spec.label}: {_shown(value)} is outside {spec.range.low:g} to {spec.range.high:g}.")


def _shown(value: Any) -> str:
    """A value fit for a message, whatever its length."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def from_text(params_class: type, texts: Mapping[str, str]) -> Any:
    """Parameters from a link's texts, defaults elsewhere. Raises ParameterError for what does not parse or fit."""
    known = {spec.name: spec for spec in specs(params_class)}
    values = {}
    for name, text in texts.items():
        if name not in known:
            raise ParameterError(f"{name[:40]!r} is no parameter here; there are {', '.join(known) or 'none'}.")
        values[name] = _parse(known[name], text)
        check_value(known[name], values[name])
    return params_class(**values)


def _parse(spec: ParameterSpec, text: str) -> Any:
    if spec.kind is bool:
        if text in ("true", "false"):
            return text == "true"
    elif spec.kind is str:
        return text
    else:
        try:
            return spec.kind(text)
        except ValueError:
            pass
    raise ParameterError(f"{spec.label}: {text[:40]!r} is not of type {spec.kind.__name__}.")


def to_text(params: Any) -> dict[str, str]:
    """What differs from the defaults, as a link writes it."""
    changed = {
        spec.name: getattr(params, spec.name) for spec in specs(type(params)) if getattr(params, spec.name) != spec.default
    }
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in changed.items()}
