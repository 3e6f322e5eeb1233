"""Moments of every write's cosines with the vocabulary, its share in the null space and its pull on later heads."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backend.engine.token_passes import TokenPasses
from backend.methods.neurons.functional_classes import (
    FUNCTIONAL_CLASSES,
    LARGE_NORM,
    TOP_LAYERS,
    FunctionalClasses,
    FunctionalClassesParams,
    WriteStatistics,
    classes_of,
)
from backend.methods.neurons.weights.block_norms import reading_gains
from backend.methods.neurons.weights.deactivation import RestDirections, rest_directions
from backend.methods.neurons.weights.null_space import NullSpace, null_space
from backend.methods.neurons.weights.products import blocks
from backend.methods.neurons.weights.unembedding import neuron_layers, readout, unit_rows, writes
from backend.methods.steps import Partial, Progress, Result, Step
from backend.models.card import UnitLayer

CONTROLS = 64  # shuffled writes a layer: their products cost a few per cent of the neurons' own
PER_NEURON = ("mean", "variance", "skewness", "kurtosis", "norm", "null_share", "deactivation", "score")


def write_statistics(asking: TokenPasses, params: FunctionalClassesParams, seed: int) -> Iterator[Step]:
    """Layer by layer; a step is one block of neurons. Shuffled writes are drawn from `seed`."""
    model = asking.model
    layers = neuron_layers(model)
    total, done = sum(layer.count for layer in layers), 0
    space = yield from _space(asking, total)
    generator, found = torch.Generator().manual_seed(seed), _Found(params, space, len(layers))
    for number, layer in enumerate(layers):
        written = writes(model, layer.name)
        shuffled = _shuffled(written, generator)
        parts = []
        for rows, centred in blocks(unit_rows(torch.cat([written, shuffled])), space.centred):
            parts.append(_moments(centred))
            if done + rows.start < total:
                yield Progress(min(done + rows.start, total), total)
        found.add(number, written, shuffled, torch.cat(parts, dim=1))
        done += layer.count
        if number + 1 < len(layers):
            yield Partial(found.result(layers[: number + 1]), done, total)
    yield Result(found.result(layers))


@dataclass(frozen=True)
class _Space:
    """What writes are held against. centred: unit readouts of all tokens less their mean, (tokens, width); mean: (width,)."""

    centred: Tensor
    mean: Tensor
    null: NullSpace
    rest: RestDirections | None


def _space(asking: TokenPasses, total: int) -> Generator[Step, None, _Space]:
    """What to hold writes against; the vocabulary is several hundred MB in large models, so one copy is made and changed."""
    directions = readout(asking.model)
    making = null_space(directions)
    null = yield from _waiting(making, total)
    lengths = directions.norm(dim=1, keepdim=True)
    directions /= lengths.where(lengths > 0, torch.ones_like(lengths))
    yield Progress(0, total)
    mean = directions.mean(dim=0)
    directions -= mean  # against the centred vocabulary products are cosines less their mean, so that no moment cancels
    yield Progress(0, total)
    return _Space(directions, mean, null, rest_directions(asking, reading_gains(asking.model)))


def _waiting(making: Generator[None, None, NullSpace], total: int) -> Generator[Step, None, NullSpace]:
    while True:
        try:
            next(making)
        except StopIteration as made:
            return made.value
        yield Progress(0, total)


def _shuffled(written: Tensor, generator: torch.Generator) -> Tensor:
    """Some writes of a layer with their coordinates in another order, each in its own, (controls, width)."""
    chosen = torch.randperm(len(written), generator=generator)[:CONTROLS]
    order = torch.rand(len(chosen), written.shape[1], generator=generator).argsort(dim=1)
    return written[chosen.to(written.device)].gather(1, order.to(written.device))


def _moments(centred: Tensor) -> Tensor:
    """Variance, skewness and kurtosis of rows whose mean is zero, (3, rows), from (rows, tokens)."""
    squares = centred * centred
    count = centred.shape[1]
    second = squares.sum(dim=1) / count
    third = torch.linalg.vecdot(squares, centred) / count
    fourth = torch.linalg.vecdot(squares, squares) / count
    safe = second.where(second > 0, torch.ones_like(second))
    return torch.stack([second, third / safe**1.5, fourth / safe**2])


@dataclass
class _Found:
    """Statistics and classes of the layers seen so far."""

    params: FunctionalClassesParams
    space: _Space
    depth: int
    columns: dict[str, list[np.ndarray]] = field(default_factory=dict)
    classes: list[np.ndarray] = field(default_factory=list)
    control: list[np.ndarray] = field(default_factory=list)

    def add(self, number: int, written: Tensor, shuffled: Tensor, moments: Tensor) -> None:
        """Take one layer's writes (neurons, width), its shuffled ones, and the moments of both, (3, neurons + shuffled)."""
        own = self._statistics(number, written, moments[:, : len(written)])
        drawn = self._statistics(number, shuffled, moments[:, len(written) :])
        limit = float(np.quantile(own["norm"], LARGE_NORM))
        self.classes.append(self._classes(number, own, limit))
        self.control.append(self._classes(number, drawn, limit))
        for name, values in own.items():
            self.columns.setdefault(name, []).append(values)

    def _statistics(self, number: int, written: Tensor, moments: Tensor) -> dict[str, np.ndarray]:
        unit = unit_rows(written)
        nothing = written.new_zeros(len(written))
        rest = self.space.rest
        cosine, head, score = rest.strongest(written.float(), number) if rest else (nothing, nothing.long() - 1, nothing)
        values = {
            "mean": unit @ self.space.mean,
            **dict(zip(("variance", "skewness", "kurtosis"), moments, strict=True)),
            "norm": written.norm(dim=1),
            "null_share": self.space.null.share(unit),
            "deactivation": cosine,
            "score": score,
        }
        return {name: value.cpu().numpy().astype(np.float32) for name, value in values.items()} | {
            "head": head.cpu().numpy().astype(np.int32)
        }

    def _classes(self, number: int, found: dict[str, np.ndarray], limit: float) -> np.ndarray:
        statistics = WriteStatistics(
            found["variance"], found["skewness"], found["kurtosis"], found["norm"] >= limit, found["null_share"],
            found["deactivation"],
        )  # fmt: skip
        top = number >= self.depth - max(1, round(TOP_LAYERS * self.depth))
        return classes_of(statistics, self.params, len(self.space.mean), top=top)

    def result(self, layers: tuple[UnitLayer, ...]) -> FunctionalClasses:
        """The snapshot over the layers seen."""
        control, rest = np.concatenate(self.control), self.space.rest
        columns: dict[str, Any] = {name: np.concatenate(self.columns[name]) for name in (*PER_NEURON, "head")}
        return FunctionalClasses(
            layers=layers,
            **columns,
            classes=np.concatenate(self.classes),
            control=np.bincount(control, minlength=len(FUNCTIONAL_CLASSES)) / len(control),
            controls=len(control),
            null_chance=self.space.null.chance,
            heads=rest.directions.shape[1] if rest else 0,
            heads_known=rest is not None,
        )
