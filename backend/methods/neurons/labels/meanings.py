"""Texts as vectors of the sentence encoder, each encoded once while the process lives."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from backend.models.sentence_encoder import WIDTH, sentence_encoder

KEPT = 20_000  # texts; 30 MB
_known: OrderedDict[str, np.ndarray] = OrderedDict()  # used on the engine's thread alone


def vectors(texts: Sequence[str]) -> np.ndarray:
    """Unit vectors, float32 (texts, 384)."""
    unknown = [text for text in dict.fromkeys(texts) if text not in _known]
    for text, row in zip(unknown, sentence_encoder().encode(unknown) if unknown else (), strict=True):
        _known[text] = row
    found = np.stack([_known[text] for text in texts]) if texts else np.zeros((0, WIDTH), np.float32)
    while len(_known) > KEPT:
        _known.popitem(last=False)
    return found


def similarities(query: str, texts: Sequence[str]) -> np.ndarray:
    """The cosine of each text to the query, float32 (texts,)."""
    return vectors(texts) @ vectors([query])[0]
