"""Pure functions from results to Plotly figures, as plain dicts with "data" and "layout"."""

from __future__ import annotations
