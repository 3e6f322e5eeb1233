"""The straight path from a baseline to a sample, and what each unit contributes on its segments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from backend.data.baselines import baseline
from backend.engine.asking import Asking, TokenAsking
from backend.engine.passes import score
from backend.methods.neurons.conductance import ConductanceParams
from backend.methods.neurons.sentence.embedding_path import baseline_embedding
from backend.methods.neurons.sentence.explained import explained, rows_at_once
from backend.models.hooks import UnitEdit

Ends = Literal["left", "mean"]
Units = Mapping[str, Tensor]
PHOTOS_AT_ONCE = 8


@dataclass(frozen=True)
class UnitPath:
    """Passes along the line `start` + α (`sample` − `start`), tensors of one shape.

    gradient: points (rows, …) → scores (rows,), units and their gradients by layer, (rows, positions, units[, size]).
    forward: one point (…) and edits → its score and its units by layer, (1, positions, units).
    names: the layers read. at_once: points a step may pass.
    """

    start: Tensor
    sample: Tensor
    gradient: Callable[[Tensor], tuple[Tensor, Units, Units]]
    forward: Callable[[Tensor, Sequence[UnitEdit]], tuple[float, Units]]
    names: tuple[str, ...]
    at_once: int

    def points(self, positions: Sequence[float]) -> Tensor:
        """The points at positions between 0 and 1, (rows, …)."""
        alphas = torch.tensor(positions, dtype=self.start.dtype, device=self.start.device)
        return self.start + alphas.view(-1, *(1 for _ in self.start.shape)) * (self.sample - self.start)


def photo_path(asking: Asking, params: ConductanceParams) -> UnitPath:
    """The path from the baseline to the question's photo, in the model's input."""
    names = tuple(asking.model.units)

    def gradient(rows: Tensor) -> tuple[Tensor, Units, Units]:
        record = asking.gradient(rows, asking.target, units=names)
        return record.scores, record.units, record.unit_gradients

    def forward(point: Tensor, edits: Sequence[UnitEdit]) -> tuple[float, Units]:
        record = asking.forward(point[None], units=names, edits=edits)
        return float(score(record.logits, asking.target)[0]), record.units

    start = asking.tensor(baseline(asking.frame, params.baseline, asking.question.seed))
    return UnitPath(start, asking.sample, gradient, forward, names, PHOTOS_AT_ONCE)


def prompt_path(asking: TokenAsking, params: ConductanceParams) -> UnitPath:
    """The path from the baseline's embeddings to those of the question's prompt, up to the position that is explained."""
    names, prompt = tuple(asking.model.units), explained(asking)

    def gradient(rows: Tensor) -> tuple[Tensor, Units, Units]:
        record = asking.gradient(rows, prompt.last, units=names)
        return record.scores, record.units, record.unit_gradients

    def forward(point: Tensor, edits: Sequence[UnitEdit]) -> tuple[float, Units]:
        record = asking.forward(point[None], units=names, edits=edits)
        assert record.logits is not None
        return float(record.logits[0, -1, prompt.target.index]), record.units

    sample = asking.embeddings(prompt.tokens)[0]  # (tokens, width)
    start = baseline_embedding(asking.model, params.text_baseline).expand_as(sample)
    return UnitPath(start, sample, gradient, forward, names, rows_at_once(len(sample)))


@dataclass(frozen=True)
class Segments:
    """Neighbouring points of a walk: where they are, their scores, and every unit's contribution between them.

    edges, scores: (segments + 1,). contributions: (segments, units of all layers), positions summed.
    """

    edges: np.ndarray
    scores: np.ndarray
    contributions: np.ndarray


def walk(path: UnitPath, edges: np.ndarray, ends: Ends) -> Iterator[Segments]:
    """The path's segments between ascending edges, those done so far, after each batch of points.

    A unit contributes its change over the segment times its gradient: at the segment's start, or the mean of both ends.
    """
    scores: list[float] = []
    parts: list[np.ndarray] = []
    before: tuple[Units, Units] | None = None
    for first in range(0, len(edges), path.at_once):
        found, units, gradients = path.gradient(path.points(edges[first : first + path.at_once].tolist()))
        scores += found.double().tolist()
        if before is not None:
            units, gradients = _joined(before[0], units), _joined(before[1], gradients)
        parts.append(_contributions(path.names, units, gradients, ends))
        before = {n: units[n][-1:].clone() for n in units}, {n: gradients[n][-1:].clone() for n in gradients}
        yield Segments(edges[: len(scores)], np.array(scores), np.concatenate(parts))


def _joined(before: Units, units: Units) -> Units:
    return {name: torch.cat([before[name], values]) for name, values in units.items()}


def _contributions(names: Sequence[str], units: Units, gradients: Units, ends: Ends) -> np.ndarray:
    """(rows − 1, units of all layers) from rows of neighbouring points."""
    columns = []
    for name in names:
        step, slope = units[name][1:] - units[name][:-1], gradients[name][:-1]
        if ends == "mean":
            slope = (slope + gradients[name][1:]) / 2
        product = step * slope  # (segments, positions, units[, size])
        flat = product.sum(-1) if product.dim() == 4 else product
        columns.append(flat.sum(1))
    joined = torch.cat(columns, dim=1).cpu()
    return (joined if joined.dtype == torch.float64 else joined.float()).numpy()


def whole_layers(path: UnitPath) -> tuple[str, ...]:
    """The layers that everything flows through: with the baseline's activations there, the sample scores as the baseline."""
    low, units = path.forward(path.start, ())
    high, _ = path.forward(path.sample, ())
    found = []
    for name in path.names:
        if units[name].dim() == 4:
            continue  # heads: the residual stream bypasses them
        patch = UnitEdit(name, units[name].new_zeros(1, 1, units[name].shape[-1]), units[name].clone())
        patched, _ = path.forward(path.sample, [patch])
        if abs(patched - low) <= 1e-4 * abs(high - low) + 1e-5:
            found.append(name)
    return tuple(found)
