"""Forms: a method's parameters as widgets, validated on the way back because a browser's limits are no limits."""

from __future__ import annotations

from typing import Any, TypeVar

import streamlit as st

from backend.methods.params import ParameterError, ParameterSpec, check, specs

Params = TypeVar("Params")

MOST_SEGMENTS = 4


def form(params_class: type[Params], key: str, current: Params | None = None) -> Params:
    """Widgets for the parameters of a dataclass, keys starting with `key`; returns what they hold now.

    `current` are the values before anyone touched a widget. Values that do not fit are told, with their limit, and give
    way to the defaults.
    """
    start = _fitting(current) if current is not None else None
    before = start if start is not None else params_class()
    values = {spec.name: _widget(spec, f"{key}_{spec.name}", getattr(before, spec.name)) for spec in specs(params_class)}
    chosen = _fitting(params_class(**values))
    return chosen if chosen is not None else params_class()


def _fitting(params: Params) -> Params | None:
    try:
        check(params)
    except ParameterError as error:
        st.error(f"{error} The default is used instead.")
        return None
    return params


def _widget(spec: ParameterSpec, key: str, value: Any) -> Any:
    shared: dict[str, Any] = {"key": key, "help": spec.help or None}
    if spec.options and len(spec.options) <= MOST_SEGMENTS:
        return st.segmented_control(spec.label, spec.options, default=value, required=True, **shared)
    if spec.options:
        return st.selectbox(spec.label, spec.options, index=spec.options.index(value), **shared)
    if spec.kind is bool:
        return st.toggle(spec.label, value=value, **shared)
    if spec.kind is str:
        return st.text_input(spec.label, value=value, **shared)
    return _number(spec, value, shared)


def _number(spec: ParameterSpec, value: Any, shared: dict[str, Any]) -> Any:
    number = spec.kind
    if spec.range is None:
        return st.number_input(spec.label, value=number(value), step=number(1), **shared)
    low, high, step = (number(bound) for bound in (spec.range.low, spec.range.high, spec.range.step))
    return st.slider(spec.label, low, high, number(value), step, **shared)
