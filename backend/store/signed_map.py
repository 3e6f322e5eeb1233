"""Signed maps as PNG pictures for print: orange speaks for, blue against, zero is clear."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image as Picture

from backend.methods.saliency.result import Saliency

# Value as a share of the limit, from −1 to 1; colour and opacity there. Light ground.
STOPS = (-1.0, -0.75, -0.46, -0.16, -0.006, 0.006, 0.16, 0.46, 0.75, 1.0)
COLOURS = ("#08366E", "#1F5FA8", "#5B93CF", "#A5C6E6", "#A5C6E6", "#F2BC94", "#F2BC94", "#E08547", "#C2500F", "#7F2E04")
OPACITIES = (1.0, 0.92, 0.8, 0.55, 0.0, 0.0, 0.55, 0.8, 0.92, 1.0)
WIDTH = 448
# Single pixels of a gradient are dust to the eye.
GRAIN = 8
QUANTILE = 99.5


def cells_of(result: Saliency) -> tuple[np.ndarray, str]:
    """The map as it is drawn, float (h, w), and what a cell holds, in words.

    Maps as fine as the frame are drawn in 8 × 8 pixels: sums where the values are shares or gradients, so that nothing is
    lost, means where they are effects of hiding (no backward pass), which do not add up. Coarser maps keep their own cells.
    """
    if result.cells.shape != result.attribution.shape[1:]:
        return result.cells, f"{result.unit}, {result.cells.shape[0]} × {result.cells.shape[1]} cells"
    blocks = blocked(result.heatmap)  # (h, GRAIN, w, GRAIN)
    if blocks is None:
        return result.heatmap, f"{result.unit}, a pixel"
    adds_up = result.passes.backward > 0
    cells = blocks.sum(axis=(1, 3)) if adds_up else blocks.mean(axis=(1, 3))
    return cells, f"{result.unit}, {'sum' if adds_up else 'mean'} of {GRAIN} × {GRAIN} pixels"


def blocked(heatmap: np.ndarray) -> np.ndarray | None:
    """The heatmap (H, W) as (h, GRAIN, w, GRAIN); None where its sides do not divide or it has few pixels."""
    height, width = heatmap.shape
    if height % GRAIN or width % GRAIN or min(height, width) < 4 * GRAIN:
        return None
    return heatmap.reshape(height // GRAIN, GRAIN, width // GRAIN, GRAIN)


def limit(maps: list[np.ndarray]) -> float:
    """The end of the scale that maps in one unit share: the 99.5 % quantile of the absolute values."""
    values = np.abs(np.concatenate([cells.ravel() for cells in maps]))
    end = float(np.percentile(values, QUANTILE))
    return end or float(values.max())


def rgba(cells: np.ndarray, end: float) -> np.ndarray:
    """Colour and opacity of each cell, float64 (h, w, 4), 0 to 1; values beyond ±end take the ends' colour."""
    share = np.clip(cells / end, -1, 1) if end else np.zeros_like(cells)
    colours = np.array([[int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)] for colour in COLOURS])  # (stops, 3)
    channels = [np.interp(share, STOPS, colours[:, channel]) for channel in range(3)]
    return np.stack([*channels, np.interp(share, STOPS, OPACITIES)], axis=-1)


def drawn(cells: np.ndarray, end: float, frame: np.ndarray | None = None) -> Picture.Image:
    """The cells, never smoothed, over the faded grey frame, uint8 (H, W, C), or over white."""
    height = round(WIDTH * cells.shape[0] / cells.shape[1])
    size = (WIDTH, height)
    ground = np.full((height, WIDTH), 255.0)
    if frame is not None:
        grey = Picture.fromarray(frame if frame.shape[2] == 3 else frame[:, :, 0]).convert("L")
        ground = 0.42 * np.asarray(grey.resize(size, Picture.Resampling.BICUBIC), np.float64) + 148  # no photo colour is a value
    layer = rgba(cells, end)
    rows, columns = (np.arange(side) * count // side for side, count in ((height, cells.shape[0]), (WIDTH, cells.shape[1])))
    layer = layer[rows][:, columns]  # (height, WIDTH, 4)
    mixed = layer[..., :3] * 255 * layer[..., 3:] + ground[..., None] * (1 - layer[..., 3:])
    return Picture.fromarray(np.rint(mixed).astype(np.uint8))


def scale() -> Picture.Image:
    """The colour bar from −end to +end, one row high."""
    return drawn(np.linspace(-1, 1, WIDTH)[None].repeat(8, 0), 1.0)


def png(picture: Picture.Image) -> bytes:
    """The picture as a PNG file."""
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
