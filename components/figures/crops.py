"""Pictures of where a channel fires: the part of a photo that a cell of its map can see, or the photo with that part framed."""

from __future__ import annotations

import numpy as np

from backend.methods.question import Box
from components.figures.frame import enlarged
from components.palette import PALETTES, Theme, rgb

SIDE = 160  # px of a picture in the grid


def field_crop(frame: np.ndarray, box: Box) -> np.ndarray:
    """The pixels of `frame`, uint8 (H, W, C), inside of the box, as uint8 (h, w) or (h, w, 3), small ones enlarged as squares.

    What of the box lies outside of the frame is left out. Raises ValueError for a box that misses the frame.
    """
    left, top, right, bottom = _inside(frame, box)
    return _drawable(enlarged(frame[top:bottom, left:right], SIDE))


def framed_photo(frame: np.ndarray, box: Box | None, theme: Theme) -> np.ndarray:
    """The whole of `frame`, uint8 (H, W, C), as uint8 (H, W, 3), with a line around the box; None frames nothing."""
    photo = enlarged(frame, SIDE)
    scale = photo.shape[0] / frame.shape[0]
    photo = np.repeat(photo, 3, axis=2) if photo.shape[2] == 1 else photo.copy()
    if box is None:
        return photo
    left, top, right, bottom = (round(edge * scale) for edge in _inside(frame, box))
    for inset, colour in ((0, PALETTES[theme].accent), (2, PALETTES[theme].ground)):  # seen on bright and on dark photos
        _outline(photo, left + inset, top + inset, right - inset, bottom - inset, 2, rgb(colour))
    return photo


def _inside(frame: np.ndarray, box: Box) -> tuple[int, int, int, int]:
    height, width = frame.shape[:2]
    left, top = max(0, int(np.floor(box.left))), max(0, int(np.floor(box.top)))
    right, bottom = min(width, int(np.ceil(box.right))), min(height, int(np.ceil(box.bottom)))
    if left >= right or top >= bottom:
        raise ValueError(f"{box} lies outside of a frame of {width} × {height} pixels")
    return left, top, right, bottom


def _outline(photo: np.ndarray, left: int, top: int, right: int, bottom: int, width: int, colour: tuple[int, int, int]) -> None:
    if right - left <= 2 * width or bottom - top <= 2 * width:
        return
    photo[top : top + width, left:right] = photo[bottom - width : bottom, left:right] = colour
    photo[top:bottom, left : left + width] = photo[top:bottom, right - width : right] = colour


def _drawable(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels
