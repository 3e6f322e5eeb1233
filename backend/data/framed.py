"""Stored photos in a model's frame, remembered: every question and every rerun of a page looks at one."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from backend.data import images
from backend.data.frames import Preprocess, frame
from backend.limits import FRAMES_IN_MEMORY


@lru_cache(maxsize=FRAMES_IN_MEMORY)
def framed(content: str, preprocess: Preprocess) -> np.ndarray:
    """The stored photo of that hash as a model sees it, uint8 (H, W, C); shared, so read-only. Raises ImageError."""
    pixels = frame(images.load(content), preprocess)
    pixels.flags.writeable = False
    return pixels
