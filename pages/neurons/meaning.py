"""Units by what their names mean."""

from __future__ import annotations

import numpy as np

from pages.neurons.columns import Columns
from pages.neurons.finds import Found, nothing
from pages.neurons.scene import Scene


def by_meaning(scene: Scene, known: Columns) -> Found:
    """Units whose names hold the words."""
    if not known.labels:
        return nothing(known.units, "No unit of this model has a name yet. Name one on its card, or search by another way.")
    words = scene.view.find.lower().split()
    scores = np.full(known.units, np.nan, np.float32)
    for place, label in known.labels.items():
        if all(word in label.text.lower() for word in words):
            scores[place] = 1.0
    return Found(scores, "by name")
