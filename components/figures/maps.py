"""The saliency map: signed cells over a faded photo, with one shared scale and hover values in pixels of the frame."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from components.figures.frame import Figure, axis, base_layout, data_uri, faded
from components.figures.frame import typed as typed_array
from components.palette import PALETTES, Theme, signed_scale

View = Literal["overlay", "map", "photo"]

MAP_HEIGHT = 262


def summed(heatmap: np.ndarray, grain: int) -> np.ndarray:
    """Cells of `grain` × `grain` px as sums, float32 (ceil(H / grain), ceil(W / grain)); edge cells sum what is there."""
    if grain < 1:
        raise ValueError(f"a cell of {grain} px is too small; the least is 1")
    rows, columns = (np.arange(0, size, grain) for size in heatmap.shape)
    sums = np.add.reduceat(np.add.reduceat(heatmap.astype(np.float64), rows, axis=0), columns, axis=1)
    return sums.astype(np.float32)


def ranked(cells: np.ndarray) -> np.ndarray:
    """Signed ranks in [-1, 1], float32: the share of cells no stronger, ties at their mean rank, zeros at zero."""
    strengths = np.abs(cells).ravel()
    _, inverse, counts = np.unique(strengths, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[inverse.ravel()] / max(strengths.size, 1)
    return np.asarray(np.sign(cells) * ranks.reshape(cells.shape), dtype=np.float32)


def shared_limit(*maps: np.ndarray) -> float:
    """The end of a scale that several maps share: the 99.5 % quantile of their absolute values, the maximum where it is 0."""
    strengths = np.abs(np.nan_to_num(np.concatenate([cells.ravel() for cells in maps]))) if maps else np.zeros(1)
    return float(np.quantile(strengths, 0.995) or strengths.max())


def saliency_map(
    cells: np.ndarray,
    frame: np.ndarray | None,
    *,
    limit: float,
    unit: str,
    theme: Theme,
    size: tuple[int, int] | None = None,
    cell: int | None = None,
    view: View = "overlay",
    opacity: float = 0.85,
) -> Figure:
    """The map of `cells`, float32 (h, w), over `frame`, uint8 (H, W, C), on the scale ± `limit` of `unit`.

    size: (H, W) of the input frame where no frame is given. cell: side of a cell in px where cells are `summed`, whose
    last row and column may reach over the edge; None where the cells divide the frame evenly.
    """
    height, width = frame.shape[:2] if frame is not None else size or cells.shape
    layout = base_layout(theme, margin={"l": 0, "r": 0, "t": 0, "b": 30}, **_axes(theme, height, width))
    if frame is not None and view != "map":
        layout["images"] = [_photo(frame if view == "photo" else faded(frame, theme), height, width, full=view == "photo")]
    shown = opacity if view == "overlay" and frame is not None else 1.0
    trace = _heatmap(cells, (height, width), cell, limit, unit, theme)
    trace["opacity"] = 0.0 if view == "photo" else shown
    trace["showscale"] = view != "photo"
    layout["annotations"] = _ticks(limit, theme) if view != "photo" else []
    return {"data": [trace], "layout": layout}


def _heatmap(cells: np.ndarray, size: tuple[int, int], cell: int | None, limit: float, unit: str, theme: Theme) -> Figure:
    end = limit if limit > 0 else 1.0
    steps = [cell or side / count for side, count in zip(size, cells.shape, strict=True)]
    return {
        "type": "heatmap",
        "z": typed_array(cells.astype(np.float32)),
        "x0": steps[1] / 2,
        "dx": steps[1],
        "y0": steps[0] / 2,
        "dy": steps[0],
        "zmin": -end,
        "zmax": end,
        "colorscale": signed_scale(theme),
        "colorbar": _colour_bar(),
        "hovertemplate": f"<b>%{{z:+.3~g}}</b><br>{unit}<br>x %{{x:.0f}}, y %{{y:.0f}}<extra></extra>",
        "hoverongaps": False,
    }


def _colour_bar() -> Figure:
    return {
        "orientation": "h",
        "thickness": 7,
        "len": 1.0,
        "x": 0.5,
        "xpad": 0,
        "y": 0,
        "ypad": 7,
        "yanchor": "top",
        "outlinewidth": 0,
        "ticks": "",
        "showticklabels": False,
    }


def _ticks(limit: float, theme: Theme) -> list[Figure]:
    """The ends and the zero of the colour bar, set inside its width: tick labels would be cut off at a card's edge."""
    font = {"size": 12, "color": PALETTES[theme].muted}
    places = ((0.0, "left", f"−{limit:.2g}"), (0.5, "center", "0"), (1.0, "right", f"+{limit:.2g}"))
    shared = {"xref": "paper", "yref": "paper", "y": 0, "yshift": -14, "yanchor": "top", "showarrow": False, "font": font}
    return [shared | {"x": x, "xanchor": anchor, "text": text} for x, anchor, text in places if limit > 0 or x == 0.5]


def _axes(theme: Theme, height: int, width: int) -> dict[str, Any]:
    shared = axis(theme, showgrid=False, showticklabels=False, fixedrange=False, constrain="domain")
    return {
        "xaxis": shared | {"range": [0, width]},
        "yaxis": shared | {"range": [height, 0], "scaleanchor": "x"},
        "dragmode": "zoom",
    }


def _photo(pixels: np.ndarray, height: int, width: int, *, full: bool) -> Figure:
    place = {"xref": "x", "yref": "y", "x": 0, "y": 0, "sizex": width, "sizey": height, "sizing": "stretch"}
    return place | {"source": data_uri(pixels, 90 if full else 75), "layer": "below"}
