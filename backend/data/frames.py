"""The model's input frame: how a photo becomes the pixels a model sees, and those pixels its input tensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image as Picture


@dataclass(frozen=True)
class Preprocess:
    """Resize the shorter side to `resize` (bicubic), crop the centre, scale by (pixel − mean) / std, pixels 0 to 255."""

    height: int
    width: int
    resize: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return len(self.mean)


def frame(photo: Picture.Image, preprocess: Preprocess) -> np.ndarray:
    """The pixels the model sees, uint8 (H, W, C), C as the model has it."""
    picture = photo.convert("RGB" if preprocess.channels == 3 else "L")
    scale = preprocess.resize / min(picture.size)
    width = max(preprocess.width, round(picture.width * scale))
    height = max(preprocess.height, round(picture.height * scale))
    picture = picture.resize((width, height), Picture.Resampling.BICUBIC)
    left, top = (width - preprocess.width) // 2, (height - preprocess.height) // 2
    picture = picture.crop((left, top, left + preprocess.width, top + preprocess.height))
    return np.asarray(picture, dtype=np.uint8).reshape(preprocess.height, preprocess.width, preprocess.channels)


def normalise(pixels: np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """The model's input, float32 (C, H, W), from pixels (H, W, C) in 0 to 255."""
    mean, std = np.asarray(preprocess.mean, np.float32), np.asarray(preprocess.std, np.float32)
    scaled = (pixels.astype(np.float32) - mean) / std
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), dtype=np.float32)
