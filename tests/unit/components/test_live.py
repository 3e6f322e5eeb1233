"""Polling: often while work is under way, not at all afterwards."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from components.live import poll_interval


def test_a_fragment_looks_only_while_work_is_under_way() -> None:
    assert poll_interval(True) == 0.25
    assert poll_interval(False) is None


def _page() -> None:
    import streamlit as st

    from components.live import rest

    left = st.session_state.setdefault("left", 3)
    st.session_state.runs = st.session_state.get("runs", 0) + 1
    st.session_state.left = max(0, left - 1)
    rest(active_before=left > 0, active=st.session_state.left > 0)


def test_the_end_of_the_work_brings_exactly_one_more_run() -> None:
    app = AppTest.from_function(_page)
    for _ in range(3):
        app.run()
    assert app.session_state.runs == 4
    app.run()
    assert app.session_state.runs == 5
