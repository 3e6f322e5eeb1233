"""Texts for the planted transformer: its words strewn among fillers, in a folder that an operator could have named."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.unit.methods.neurons.planted_transformer import PLAN

TEXTS, LENGTH = 1000, 60
COMMON = ("red", "green", "blue", "cat", "dog")
OTHER = tuple(word for word in PLAN.words if word not in COMMON)


def write(folder: Path) -> None:
    """A file of paragraphs of 60 words. In each text, words of the detectors stand with chance 0.5, once or twice."""
    random = np.random.default_rng(0)
    paragraphs = []
    for _ in range(TEXTS):
        words = [f"w{number}" for number in random.integers(0, PLAN.fillers, LENGTH)]
        for group in (("red", "green", "blue"), ("cat", "dog"), OTHER, OTHER, OTHER):
            for place in random.integers(1, LENGTH, random.choice([0, 1, 2], p=[0.5, 0.25, 0.25])):
                words[place] = str(random.choice(group))
        paragraphs.append(" ".join(words))
    (folder / "texts.txt").write_text("\n\n".join(paragraphs), encoding="utf-8")
