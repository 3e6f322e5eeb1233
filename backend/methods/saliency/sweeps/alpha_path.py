"""Gradients along the straight path from a baseline to the sample: read by Integrated Gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from backend.data.baselines import baseline
from backend.engine.asking import Asking, array
from backend.engine.passes import score
from backend.methods.registry import sweep
from backend.methods.saliency.series import AlphaPath, AlphaPathSweep, PathRule

FIRST_POINTS = 9
REFINED_AT_ONCE = 8
TOLERANCE = 0.05  # of |score − baseline score|, for the sum of absolute segment residuals
WORTH_REFINING = 0.25  # of the worst segment's residual


@sweep("alpha_path", params=AlphaPath, by_target=True)
def alpha_path(asking: Asking, params: AlphaPath) -> Iterator[AlphaPathSweep]:
    """Yield the path's mean gradient as it forms, by a fixed rule or by bisecting the segments that err most."""

    def gradient(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        record = asking.gradient(points, asking.target)
        return record.scores, record.gradient

    line = Line(
        start=asking.tensor(baseline(asking.frame, params.baseline, asking.question.seed)),  # (C, H, W)
        sample=asking.sample,
        gradient=gradient,
        score=lambda point: float(score(asking.forward(point[None]).logits, asking.target)[0]),
        batches=asking.batches,
    )
    yield from along(line, params.rule, params.steps)


@dataclass(frozen=True)
class Line:
    """The straight line from a baseline to a sample, tensors of one shape, and the passes over points of it.

    gradient: points (rows, …) → scores (rows,) and the gradient of each score to its point, (rows, …).
    score: the score of one point, without its gradient. batches: as `Passes.batches`. at_once: points a batch may have.
    """

    start: torch.Tensor
    sample: torch.Tensor
    gradient: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
    score: Callable[[torch.Tensor], float]
    batches: Callable[[int], Iterator[slice]]
    at_once: int = REFINED_AT_ONCE


def along(line: Line, rule: PathRule, steps: int) -> Iterator[AlphaPathSweep]:
    """Yield the mean gradient along the line as it forms, over `steps` points, or at most so many where adaptive."""
    path = _Path(line, steps)
    yield from _adaptive(path, steps) if rule == "adaptive" else _fixed(path, rule, steps)


class _Path:
    """The line's points visited so far: position, score, slope along the line, and gradient."""

    def __init__(self, line: Line, steps: int) -> None:
        self.line = line
        self.difference = line.sample - line.start
        dtype = torch.float64 if line.sample.dtype == torch.float64 else torch.float32
        self.store = torch.empty((steps, self.difference.numel()), dtype=dtype, device=line.sample.device)
        self.positions: list[float] = []
        self.scores: list[float] = []
        self.slopes: list[float] = []

    def visit(self, positions: list[float]) -> slice:
        """Pass the points forward and backward in one batch; their rows in the store."""
        alphas = torch.tensor(positions, dtype=self.difference.dtype, device=self.difference.device)
        steps = alphas.view(-1, *(1 for _ in self.difference.shape)) * self.difference
        scores, gradient = self.line.gradient(self.line.start + steps)
        first = len(self.positions)
        rows = slice(first, first + len(positions))
        self.store[rows] = gradient.flatten(1)
        self.positions += positions
        self.scores += scores.double().tolist()
        self.slopes += (self.store[rows] @ self.difference.flatten().to(self.store.dtype)).double().tolist()
        return rows

    def snapshot(
        self, mean: torch.Tensor, change: float, total: int, *, ends: tuple[float, float], absolute: float | None, finished: bool
    ) -> AlphaPathSweep:
        """What stands after the points so far, `mean` being their weighted mean gradient, flat."""
        net = float(mean.double() @ self.difference.flatten().double() - (ends[1] - ends[0]))
        return AlphaPathSweep(
            mean_gradient=array(mean.view_as(self.difference)).copy(),
            difference=array(self.difference),
            score=ends[1],
            baseline_score=ends[0],
            residual=net,
            absolute_residual=absolute,
            change=change,
            done=len(self.positions),
            total=len(self.positions) if finished else total,
            held=self.store.element_size() * self.store.shape[1] * len(self.positions),
            positions=np.array(self.positions),
        )


def _adaptive(path: _Path, steps: int) -> Iterator[AlphaPathSweep]:
    """Trapezoids between visited points; the segments that err most are halved until they err little in all.

    A segment's error is known exactly: its trapezoid against the difference of the scores at its ends, which the
    same passes brought. Points are shared by their segments, so a halving costs one pass.
    """
    mean = torch.zeros(path.store.shape[1], dtype=path.store.dtype, device=path.store.device)
    weights = np.zeros(0)
    planned = _first_batches(min(FIRST_POINTS, steps), path.line.at_once)
    while planned:
        path.visit(planned.pop(0))
        mean, weights, change = _reweighted(path, mean, weights)
        order = np.argsort(path.positions)
        scores = np.array(path.scores)[order]
        residuals = _segment_residuals(path, order)
        span = abs(scores[-1] - scores[0])
        left = steps - len(path.positions)
        good = float(np.abs(residuals).sum()) <= TOLERANCE * span
        if not planned and left and not good and np.isfinite(residuals).all():  # where a pass overflowed, more are no help
            planned = [_worst(np.array(path.positions)[order], residuals, min(path.line.at_once, left))]
        ends = (float(scores[0]), float(scores[-1])) if len(scores) > 1 else (float("nan"), float(scores[0]))
        absolute = float(np.abs(residuals).sum()) if len(scores) > 1 else float("nan")
        yield path.snapshot(mean, change, steps, ends=ends, absolute=absolute, finished=not planned)


def _first_batches(points: int, at_once: int) -> list[list[float]]:
    """The sample itself first, then the baseline and the middle, then what makes the points even."""
    even = np.linspace(0, 1, points)
    by_size: list[list[float]] = [[1.0], [0.0, float(even[points // 2])]]
    rest = [float(a) for a in even if not any(float(a) in batch for batch in by_size)]
    return [*by_size, *[rest[i : i + at_once] for i in range(0, len(rest), at_once)]]


def _reweighted(path: _Path, mean: torch.Tensor, old: np.ndarray) -> tuple[torch.Tensor, np.ndarray, float]:
    """The mean gradient under trapezoid weights, moved from the old weights by the points whose weight changed."""
    positions = np.array(path.positions)
    order = np.argsort(positions)
    edges = np.concatenate([[0.0], (positions[order][1:] + positions[order][:-1]) / 2, [1.0]])
    weights = np.empty(len(positions))
    weights[order] = np.diff(edges)
    shift = weights - np.pad(old, (0, len(weights) - len(old)))
    moved = np.flatnonzero(shift)
    step = torch.from_numpy(shift[moved]).to(mean) @ path.store[torch.from_numpy(moved).to(mean.device)]
    new = mean + step
    difference = path.difference.flatten().to(mean.dtype)
    change = float((step * difference).abs().sum() / (new * difference).abs().sum().clamp_min(1e-30))
    return new, weights, change


def _segment_residuals(path: _Path, order: np.ndarray) -> np.ndarray:
    positions, scores, slopes = (np.array(values)[order] for values in (path.positions, path.scores, path.slopes))
    return np.diff(positions) * (slopes[1:] + slopes[:-1]) / 2 - np.diff(scores)


def _worst(positions: np.ndarray, residuals: np.ndarray, most: int) -> list[float]:
    errors = np.abs(residuals)
    worst = np.argsort(-errors)[:most]
    worst = worst[errors[worst] >= WORTH_REFINING * errors.max()]
    return [float(positions[i] + positions[i + 1]) / 2 for i in worst]


def _fixed(path: _Path, rule: str, steps: int) -> Iterator[AlphaPathSweep]:
    """The rule's points, visited in an order that spreads over the path from the start."""
    positions, weights = rule_points(rule, steps)
    order = np.random.default_rng(0).permutation(steps)
    total = torch.zeros(path.store.shape[1], dtype=path.store.dtype, device=path.store.device)
    covered, first, last = 0.0, float("nan"), float("nan")
    for part in path.line.batches(steps):
        chosen = order[part]
        rows = path.visit([float(a) for a in positions[chosen]])
        step = torch.from_numpy(weights[chosen]).to(total) @ path.store[rows]
        total = total + step
        covered += float(weights[chosen].sum())
        # The ends are no points of these rules; one a batch, so that the first picture waits for one pass more only.
        if part.start == 0:
            last = path.line.score(path.line.sample)
        elif np.isnan(first):
            first = path.line.score(path.line.start)
        done = part.stop == steps
        yield path.snapshot(
            total if done else total / covered,
            float(step.abs().sum() / total.abs().sum().clamp_min(1e-30)),
            steps,
            ends=(first, last),
            absolute=None,
            finished=done,
        )


def rule_points(rule: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions on [0, 1] and weights that sum to 1, float64: Gauss–Legendre, or the midpoints of equal steps."""
    if rule == "gauss-legendre":
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        return (nodes + 1) / 2, weights / 2
    if rule == "midpoint":
        return (np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps)
    raise ValueError(f"{rule!r} is no fixed rule")
