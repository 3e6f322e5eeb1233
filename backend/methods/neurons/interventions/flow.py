"""Walks the path for conductance: where Integrated Gradients needs points, then where a layer's shares miss the change."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from backend.engine.asking import AnyAsking, TokenAsking
from backend.methods.neurons.conductance import Conductance, ConductanceParams
from backend.methods.neurons.interventions.unit_path import Segments, UnitPath, photo_path, prompt_path, walk, whole_layers
from backend.methods.neurons.sentence.embedding_path import embedding_path
from backend.methods.neurons.sentence.explained import explained
from backend.methods.params import ParameterError
from backend.methods.question import Question
from backend.methods.saliency.series import AlphaPath, AlphaPathSweep
from backend.methods.saliency.sweeps.alpha_path import TOLERANCE, rule_points
from backend.methods.steps import Partial, PassCount, Progress, Result, Step
from backend.models.card import UnitLayer


def flow(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield every unit's share of the target's change. Raises ParameterError where the path is not finite."""
    params: ConductanceParams = question.params
    before, paid = time.perf_counter(), PassCount()
    text = isinstance(asking, TokenAsking)
    path = prompt_path(asking, params) if isinstance(asking, TokenAsking) else photo_path(asking, params)
    edges, missed, done = captum_edges(params), float("nan"), 0
    if params.rule == "adaptive":
        for sweep, paid in _sweeps(asking, params):  # noqa: B007  (the last ones are read below)
            done = sweep.done
            yield Progress(done, 2 * sweep.total)
        edges, missed = np.sort(sweep.positions), float(sweep.absolute_residual or 0.0)
    whole = () if text else whole_layers(path)  # the residual stream of a decoder bypasses every layer of units
    layers = asking.model.card.units
    ends = (path.forward(path.start, ())[0], path.forward(path.sample, ())[0])
    shares = _Shares(path, layers, whole, params.rule == "adaptive", ends)
    for visited in shares.measure(edges, params.steps):
        yield Partial(shares.told(asking, paid, before, missed), done + visited, done + max(visited + 1, len(edges)))
    yield Result(shares.told(asking, paid, before, missed))


def captum_edges(params: ConductanceParams) -> np.ndarray:
    """The points of Captum's LayerConductance for as many steps, (steps + 1,): even from end to end, or Gauss–Legendre."""
    if params.rule == "gauss-legendre":
        return rule_points("gauss-legendre", params.steps + 1)[0]
    return np.linspace(0, 1, params.steps + 1)


def _sweeps(asking: AnyAsking, params: ConductanceParams) -> Iterator[tuple[AlphaPathSweep, PassCount]]:
    """Integrated Gradients' own path, and what it cost where another question paid for it."""
    if isinstance(asking, TokenAsking):
        for sweep in embedding_path(asking, explained(asking), params.text_baseline, "adaptive", params.steps):
            yield sweep, PassCount()
        return
    for reading in asking.sweep("alpha_path", AlphaPath("adaptive", params.steps, params.baseline)):
        yield reading.sweep, reading.passes


@dataclass
class _Shares:
    """The segments walked so far. Where whole layers are known, the worst segments are halved after the walk.

    ends: the scores of baseline and sample, which are no points of every rule.
    """

    path: UnitPath
    layers: tuple[UnitLayer, ...]
    whole: tuple[str, ...]
    adaptive: bool
    ends: tuple[float, float]
    found: Segments | None = None
    visited: int = 0

    def measure(self, edges: np.ndarray, most: int) -> Iterator[int]:
        """Walk the edges, then halve segments with at most as many points more; yields the points visited."""
        for found in walk(self.path, edges, "mean" if self.adaptive else "left"):
            self.found = found
            self.visited = len(self.found.scores)
            yield self.visited
        assert self.found is not None
        if not np.isfinite(self.found.contributions).all():
            raise ParameterError("The gradient overflows on the way from this baseline; choose another baseline.")
        while self.adaptive and self.whole and self.visited < len(edges) + most and self._missing() > TOLERANCE:
            self._halve()
            yield self.visited

    def _residuals(self) -> dict[str, np.ndarray]:
        """By whole layer, what the shares of each segment miss of its change, (segments,)."""
        assert self.found is not None
        changes = np.diff(self.found.scores)
        sums = {name: self.found.contributions[:, part].sum(axis=1, dtype=np.float64) for name, part in self._columns().items()}
        return {name: sums[name] - changes for name in self.whole}

    def _missing(self) -> float:
        """The largest sum of absolute segment residuals of any whole layer, as a share of the change."""
        assert self.found is not None
        span = abs(self.ends[1] - self.ends[0])
        return max(float(np.abs(residual).sum()) for residual in self._residuals().values()) / max(span, 1e-12)

    def _halve(self) -> None:
        """Walk start, middle and end of the worst segments anew, and put the halves in their places."""
        assert self.found is not None
        errors = np.max([np.abs(residual) for residual in self._residuals().values()], axis=0)
        worst = np.sort(np.argsort(-errors)[: max(1, self.path.at_once // 3)])
        edges, scores = self.found.edges, self.found.scores
        triples = [edge for i in worst for edge in (edges[i], (edges[i] + edges[i + 1]) / 2, edges[i + 1])]
        *_, anew = walk(self.path, np.array(triples), "mean")
        self.visited += len(triples)
        contributions = self.found.contributions
        for number in reversed(range(len(worst))):
            place, row = worst[number], 3 * number
            contributions = np.concatenate([contributions[:place], anew.contributions[row : row + 2], contributions[place + 1 :]])
            edges = np.insert(edges, place + 1, triples[row + 1])
            scores = np.insert(scores, place + 1, anew.scores[row + 1])
        self.found = Segments(edges, scores, contributions)

    def _columns(self) -> dict[str, slice]:
        """Where each layer's units stand among all."""
        places, start = {}, 0
        for layer in self.layers:
            places[layer.name] = slice(start, start + layer.count)
            start += layer.count
        return places

    def told(self, asking: AnyAsking, paid: PassCount, before: float, missed: float) -> Conductance:
        """The shares as a result."""
        assert self.found is not None
        total = self.found.contributions.sum(axis=0, dtype=np.float64).astype(self.found.contributions.dtype)
        columns, residuals = self._columns(), self._residuals()
        change = self.ends[1] - self.ends[0]
        return Conductance(
            layers=self.layers,
            values={name: total[part] for name, part in columns.items()},
            whole=self.whole,
            residuals={name: float(total[columns[name]].sum(dtype=np.float64)) - change for name in self.whole},
            absolute_residuals={name: float(np.abs(residual).sum()) for name, residual in residuals.items()},
            path_residual=missed,
            score=self.ends[1],
            baseline_score=self.ends[0],
            points=self.visited,
            target=asking.target,
            passes=paid + asking.spent,
            seconds=time.perf_counter() - before,
        )
