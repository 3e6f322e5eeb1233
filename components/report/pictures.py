"""Pictures of a report, as PNG files: maps over their photo on a light ground, and the colour bar."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as Picture

from components.figures.frame import SMALL
from components.figures.layers import layer_picture

WIDTH = 448


def map_picture(cells: np.ndarray, limit: float, frame: np.ndarray | None = None) -> np.ndarray:
    """The cells (h, w), never smoothed, over the faded frame, uint8 (H, W, C), or over white; uint8 (height, WIDTH, 3)."""
    height = round(WIDTH * cells.shape[0] / cells.shape[1])
    ground = np.full((height, WIDTH, 3), 255, dtype=np.uint8)
    if frame is not None:
        small = min(frame.shape[:2]) < SMALL
        photo = Picture.fromarray(frame if frame.shape[2] == 3 else frame[..., 0]).convert("RGB")
        sampling = Picture.Resampling.NEAREST if small else Picture.Resampling.BICUBIC
        ground = np.asarray(photo.resize((WIDTH, height), sampling))
    return layer_picture(cells, ground, "light", opacity=1.0, limit=limit)


def colour_bar() -> np.ndarray:
    """From against to for, uint8 (8, WIDTH, 3)."""
    return layer_picture(np.linspace(-1, 1, WIDTH)[None].repeat(8, axis=0), np.full((8, WIDTH, 3), 255, np.uint8), "light", 1.0)


def png(pixels: np.ndarray) -> bytes:
    """Pixels, uint8 (H, W) or (H, W, 3), as a PNG file."""
    buffer = io.BytesIO()
    Picture.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
