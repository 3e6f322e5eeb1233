"""What all figures share: the small layout, typed arrays for the wire, and photos as data URIs."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image as Picture

from components.palette import PALETTES, Theme

Figure = dict[str, Any]

SMALL = 64  # px; frames below are shown with their pixels as squares
FONT = "Source Sans, Source Sans Pro, sans-serif"
_DTYPES = {np.dtype("float32"): "f4", np.dtype("uint8"): "u1", np.dtype("int32"): "i4"}


def base_layout(theme: Theme, **more: Any) -> dict[str, Any]:
    """A transparent layout without template, title or legend; `more` overrides and adds."""
    palette = PALETTES[theme]
    layout = {
        "font": {"family": FONT, "size": 13, "color": palette.text},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "showlegend": False,
        "uirevision": "kept",
        "hoverlabel": {"bgcolor": palette.ground, "bordercolor": palette.muted, "font": {"family": FONT, "color": palette.text}},
    }
    return layout | more


def axis(theme: Theme, **more: Any) -> dict[str, Any]:
    """An axis with small muted tick labels and a faint grid; `more` overrides and adds."""
    palette = PALETTES[theme]
    shared = {
        "gridcolor": palette.grid,
        "zeroline": False,
        "ticks": "",
        "tickfont": {"size": 12, "color": palette.muted},
        "fixedrange": True,
    }
    return shared | more


def typed(values: np.ndarray) -> dict[str, str]:
    """An array as Plotly's base64 form; float64 goes as float32. Raises KeyError for other types than u1, i4 and f4."""
    array = np.ascontiguousarray(values, dtype=np.float32 if values.dtype == np.float64 else None)
    encoded = {"dtype": _DTYPES[array.dtype], "bdata": base64.b64encode(array.tobytes()).decode("ascii")}
    if array.ndim > 1:
        encoded["shape"] = ", ".join(map(str, array.shape))
    return encoded


def plain(label: str, most: int = 80) -> str:
    """A label as text of at most `most` letters: Plotly reads some tags, and labels come from whoever made the model."""
    short = label if len(label) <= most else label[: most - 1].rstrip() + "…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def enlarged(pixels: np.ndarray, least: int = 180) -> np.ndarray:
    """Each pixel of (H, W, …) repeated until the shorter side has `least`: a browser would smooth a small picture."""
    factor = max(1, -(-least // min(pixels.shape[:2])))
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1) if min(pixels.shape[:2]) < SMALL else pixels


def data_uri(pixels: np.ndarray, quality: int = 85) -> str:
    """Pixels uint8 (H, W), (H, W, 1) or (H, W, 3) as a JPEG data URI."""
    buffer = io.BytesIO()
    pixels = enlarged(pixels)
    Picture.fromarray(pixels.squeeze(-1) if pixels.shape[2:] == (1,) else pixels).save(buffer, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def faded(frame: np.ndarray, theme: Theme) -> np.ndarray:
    """The photo as grey, drawn towards the ground, uint8 (H, W), so that none of its colours can pass for a value."""
    grey = frame.astype(np.float32).mean(axis=2) if frame.shape[2] == 1 else frame @ np.array((0.299, 0.587, 0.114), np.float32)
    scale, offset = PALETTES[theme].fade
    return np.asarray(np.clip(scale * grey + offset, 0, 255), dtype=np.uint8)
