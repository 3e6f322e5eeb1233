"""Pictures that are encoded once: a rerun that changes nothing sends the same bytes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from components.report.pictures import png

KEPT = 1024  # pictures of 10 to 100 kB


@st.cache_data(max_entries=KEPT, show_spinner=False)
def picture(name: str, _make: Callable[[], np.ndarray]) -> bytes:
    """The PNG of what `_make` gives, uint8 (H, W) or (H, W, 3); `name` must tell pictures apart by all they depend on."""
    return png(_make())
