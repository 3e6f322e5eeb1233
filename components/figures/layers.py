"""The strip of one map a layer: small pictures, each on its own scale."""

from __future__ import annotations

import numpy as np
from PIL import Image as Picture

from components.figures.frame import faded
from components.palette import Theme, signed_scale


def layer_picture(
    cells: np.ndarray, frame: np.ndarray, theme: Theme, opacity: float = 0.85, limit: float | None = None
) -> np.ndarray:
    """A map of a layer, float32 (h, w), over the faded photo `frame`, uint8 (H, W, C), as pixels uint8 (H, W, 3).

    The scale ends at `limit`; without one at the map's own greatest strength, so that pictures of two layers tell where,
    not how much.
    """
    height, width = frame.shape[:2]
    limit = limit or float(np.abs(cells).max()) or 1.0
    coloured = signed_colours(cells / limit, theme)  # (h, w, 4)
    coloured[..., 3] *= opacity
    layer = Picture.fromarray(np.uint8(coloured.round()), "RGBA").resize((width, height), Picture.Resampling.NEAREST)
    ground = Picture.fromarray(faded(frame, theme)).convert("RGB")
    ground.paste(layer, mask=layer)
    return np.asarray(ground)


def signed_colours(values: np.ndarray, theme: Theme) -> np.ndarray:
    """Red, green, blue and alpha, 0 to 255, float32 (…, 4), of values in [-1, 1] on the signed scale."""
    scale = signed_scale(theme)
    stops = [float(stop) for stop, _ in scale]
    channels = np.array([_parts(str(colour)) for _, colour in scale])  # (stops, 4)
    places = (np.clip(values, -1, 1) + 1) / 2
    return np.stack([np.interp(places, stops, channel) for channel in channels.T], axis=-1).astype(np.float32)


def _parts(colour: str) -> tuple[float, float, float, float]:
    red, green, blue, alpha = (float(part) for part in colour.removeprefix("rgba(").removesuffix(")").split(","))
    return red, green, blue, alpha * 255
