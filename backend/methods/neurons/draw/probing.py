"""Finds what each cell can see by marking the picture with NaN: whatever is computed from a mark is NaN too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from backend.data.framed import framed
from backend.data.samples import sample_image, samples
from backend.engine.asking import Asking
from backend.methods.neurons.draw.aim import centre_of, grid_of
from backend.methods.neurons.receptive_field import PHOTOS, SHARE, ReceptiveFields
from backend.methods.steps import Progress, Result, Step

CHUNK = 8  # marked pictures a step


@dataclass
class Reach:
    """For one axis, the first and the last line of the frame that reaches each cell, int16 (positions,); `last` is excluded."""

    first: np.ndarray
    last: np.ndarray

    def saw(self, lines: slice, marked: np.ndarray) -> None:
        """Take in which cells the marks at `lines` reached, bool (lines, positions)."""
        numbers = np.arange(lines.start, lines.stop, dtype=np.int16)[:, None]
        self.first = np.minimum(self.first, np.where(marked, numbers, np.iinfo(np.int16).max).min(axis=0))
        self.last = np.maximum(self.last, np.where(marked, numbers + 1, 0).max(axis=0))


def probe(asking: Asking) -> Iterator[Step]:
    """Yield progress while rows and columns are marked in turn, then the fields."""
    size = asking.model.card.preprocess
    names = [layer.name for layer in asking.model.card.units]
    blank = torch.zeros(1, size.channels, size.height, size.width)
    positions = {name: values.shape[1] for name, values in asking.forward(blank, units=names).units.items()}
    total = size.height + size.width + len(names)
    yield Progress(0, total)
    reaches: list[dict[str, Reach]] = []
    for axis, lines in ((2, size.height), (3, size.width)):
        before = size.height if axis == 3 else 0
        reaches.append({name: _nothing(count) for name, count in positions.items()})
        for start in range(0, lines, CHUNK):
            part = slice(start, min(start + CHUNK, lines))
            _mark(asking, blank, axis, part, reaches[-1])
            yield Progress(before + part.stop, total)
    typical = {}
    for done, name in enumerate(names, 1):
        typical[name] = _typical(asking, name)
        yield Progress(size.height + size.width + done, total)
    yield Result(
        ReceptiveFields(
            height=size.height,
            width=size.width,
            fields={name: _boxes(reaches[1][name], reaches[0][name], (size.height, size.width)) for name in names},
            grids={name: grid_of(asking.model, name, positions[name]) for name in names},
            typical=typical,
            passes=asking.spent,
        )
    )


def _nothing(positions: int) -> Reach:
    return Reach(np.full(positions, np.iinfo(np.int16).max, np.int16), np.zeros(positions, np.int16))


def _mark(asking: Asking, blank: Tensor, axis: int, lines: slice, reaches: dict[str, Reach]) -> None:
    """Pass pictures with one line marked each, and take in which cells show the mark."""
    rows = blank.repeat(lines.stop - lines.start, 1, 1, 1)
    for row, line in enumerate(range(lines.start, lines.stop)):
        rows[row].select(axis - 1, line).fill_(torch.nan)
    units = asking.forward(rows, units=tuple(reaches)).units
    for name, values in units.items():  # (lines, positions, units)
        reaches[name].saw(lines, values.isnan().flatten(2).any(dim=2).cpu().numpy())


def _boxes(across: Reach, down: Reach, size: tuple[int, int]) -> np.ndarray:
    """Left, top, right, bottom of each cell, int16 (positions, 4); the whole frame where a module hides the mark."""
    boxes = np.stack([across.first, down.first, across.last, down.last], axis=1)
    hidden = (across.last == 0) | (down.last == 0)
    boxes[hidden] = (0, 0, size[1], size[0])
    return boxes


def _typical(asking: Asking, layer: str) -> tuple[float, float]:
    """Height and width of what the middle cell mostly looks at, mean over photos.

    Its units count with random signs, so that the spread of their squared gradients is what is left of the sum's.
    """
    size = asking.model.card.preprocess
    kind = samples("digit" if size.channels == 1 else "photo")[:PHOTOS]
    rows = torch.stack([asking.tensor(framed(sample_image(item.name), size)) for item in kind])

    def middle(values: Tensor) -> Tensor:
        own = values[:, centre_of(asking.model, layer, values.shape[1])].flatten(1)
        signs = torch.randint(0, 2, (own.shape[1],), generator=torch.Generator().manual_seed(0)).to(own) * 2 - 1
        return own @ signs

    energy = asking.climb(rows, layer, middle).gradient.double().square().sum(dim=1).cpu().numpy()  # (photos, H, W)
    spans = [(_spread(photo.sum(axis=1)), _spread(photo.sum(axis=0))) for photo in energy if photo.sum() > 0]
    if not spans:
        return float(size.height), float(size.width)
    height, width = np.mean(spans, axis=0)
    return float(height), float(width)


def _spread(weights: np.ndarray) -> int:
    """How many lines lie between the quantiles that leave out the same share at both ends."""
    shares = np.cumsum(weights) / weights.sum()
    low, high = np.searchsorted(shares, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return int(min(high, len(weights) - 1) - low + 1)
