"""The live figure: a Plotly figure that keeps its node, its zoom and its drawn shapes while its data change."""

from __future__ import annotations

from components.live_figure.figure import Click, FigureState, live_figure

__all__ = ["Click", "FigureState", "live_figure"]
