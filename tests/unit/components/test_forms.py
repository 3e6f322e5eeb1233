"""Forms: the annotation decides the widget, and what a link brings is checked before it is used."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _page(bad: bool = False) -> None:
    from dataclasses import dataclass
    from typing import Annotated, Literal

    import streamlit as st

    from backend.methods.params import Range
    from components.forms import form

    @dataclass(frozen=True)
    class Params:
        rule: Literal["adaptive", "midpoint"] = "adaptive"
        fill: Literal["a", "b", "c", "d", "e"] = "b"
        steps: Annotated[int, Range(8, 256, 8), "Points on the path."] = 32
        sigma: Annotated[float, Range(0.1, 1.0, 0.1), "Spread."] = 0.2
        masks: int = 100
        absolute: bool = False
        layer: str = "head"

    current = Params(steps=9999) if bad else Params(steps=64)
    st.session_state.read = str(form(Params, "ig", current))


def _fresh(bad: bool = False) -> AppTest:
    return AppTest.from_function(_page, kwargs={"bad": bad}).run()


def test_each_kind_of_parameter_has_its_widget() -> None:
    app = _fresh()
    assert not app.exception
    assert app.button_group(key="ig_rule").value == "adaptive"
    assert app.selectbox(key="ig_fill").value == "b"
    assert (app.slider(key="ig_steps").min, app.slider(key="ig_steps").max, app.slider(key="ig_steps").step) == (8, 256, 8)
    assert app.slider(key="ig_steps").help == "Points on the path."
    assert app.number_input(key="ig_masks").value == 100
    assert app.toggle(key="ig_absolute").value is False
    assert app.text_input(key="ig_layer").value == "head"


def test_what_was_chosen_comes_back_as_parameters() -> None:
    app = _fresh()
    app.slider(key="ig_steps").set_value(128)
    app.toggle(key="ig_absolute").set_value(True)
    app.run()
    assert "steps=128" in app.session_state.read
    assert "absolute=True" in app.session_state.read


def test_the_current_values_are_where_the_widgets_start() -> None:
    assert "steps=64" in _fresh().session_state.read


def test_a_value_outside_its_range_is_told_with_its_limit_and_replaced_by_the_default() -> None:
    app = _fresh(bad=True)
    assert not app.exception
    assert "9999 is outside 8 to 256" in app.error[0].value
    assert "steps=32" in app.session_state.read


def test_what_a_browser_sends_is_checked_again() -> None:
    app = _fresh()
    app.slider(key="ig_steps").set_value(100_000)
    app.run()
    assert "steps=100000" not in app.session_state.read
