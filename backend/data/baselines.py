"""What stands for "nothing there" when pixels are taken away: black, grey, a blur of the photo, or noise."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter

Baseline = Literal["black", "grey", "blur", "noise"]
GREY = 127
BLUR_SHARE = 10 / 224  # σ of the blur as a share of the shorter side: 10 px at 224
LEAST_BLUR = 2.0  # px; on an 8 × 8 frame that share is a third of a pixel, which would hide nothing


def baseline(frame: np.ndarray, kind: Baseline, seed: int = 0) -> np.ndarray:
    """Pixels that replace the frame (H, W, C), 0 to 255: uint8, or float32 for the blur, which is not rounded."""
    if kind == "black":
        return np.zeros_like(frame)
    if kind == "grey":
        return np.full_like(frame, GREY)
    if kind == "blur":
        sigma = max(LEAST_BLUR, BLUR_SHARE * min(frame.shape[:2]))
        return gaussian_filter(frame.astype(np.float32), sigma=(sigma, sigma, 0), mode="nearest")
    if kind == "noise":
        return np.random.default_rng(seed).integers(0, 256, frame.shape, dtype=np.uint8)
    raise ValueError(f"{kind!r} is none of black, grey, blur, noise")
