"""Pictures that are encoded once: a rerun that changes nothing sends the same bytes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st
from PIL import Image as Picture

from components.report.pictures import png

KEPT = 1024  # pictures of 10 to 100 kB


@st.cache_data(max_entries=KEPT, show_spinner=False)
def picture(name: str, _make: Callable[[], np.ndarray], width: int | None = None) -> bytes:
    """The PNG of what `_make` gives, uint8 (H, W) or (H, W, 3); `name` must tell pictures apart by all they depend on.

    width: where it is shown with a fixed one, in px; `st.image` would make a larger picture smaller anew at every rerun.
    """
    pixels = _make()
    if width is not None and pixels.shape[1] > width:
        size = (width, round(pixels.shape[0] * width / pixels.shape[1]))
        pixels = np.asarray(Picture.fromarray(pixels).resize(size, Picture.Resampling.BICUBIC))
    return png(pixels)
