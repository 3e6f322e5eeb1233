"""A saliency map made by hand, for tests of what is drawn and written of maps."""

from __future__ import annotations

from typing import Any

import numpy as np

from backend.methods.question import ClassLogit
from backend.methods.saliency.result import Saliency
from backend.methods.steps import PassCount


def map_by_hand(attribution: np.ndarray, cells: np.ndarray | None = None, **more: Any) -> Saliency:
    """A map of class 1 with this attribution (C, H, W); its cells are its own pixels unless given."""
    attribution = attribution.astype(np.float32)
    own = attribution.sum(axis=0) if cells is None else cells.astype(np.float32)
    return Saliency(attribution, own, ClassLogit(1), 2.5, **({"unit": "logit", "passes": PassCount(3, 2), "seconds": 0.5} | more))
