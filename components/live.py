"""Polling: how often a fragment looks at running work, and how it comes to rest."""

from __future__ import annotations

import streamlit as st

POLL_SECONDS = 0.25


def poll_interval(active: bool) -> float | None:
    """The `run_every` of a fragment: four looks a second while work is under way, none afterwards."""
    return POLL_SECONDS if active else None


def rest(active_before: bool, active: bool) -> None:
    """Call at the end of a polling fragment: one full run when the work has ended turns the timer off."""
    if active_before and not active:
        st.rerun()
