"""Random ablations of many components at once, the linear model learnt from them, and its test on fresh ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from backend.engine.asking import AnyAsking
from backend.methods.neurons.component_attribution import (
    ComponentAttribution,
    ComponentAttributions,
    Removal,
    planned_masks,
)
from backend.methods.neurons.interventions.choice import chosen_layer
from backend.methods.neurons.interventions.ridge import Fit, Masks, correlation, fisher_interval, fit
from backend.methods.neurons.interventions.variants import Variants
from backend.methods.params import ParameterError
from backend.methods.question import Question
from backend.methods.steps import Partial, Progress, Result, Step
from backend.models.hooks import UnitEdit

SHUFFLES = 20
REMOVED_SETS = 10
PARTS = 8  # snapshots on the way; each solves for all weights


def components(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield the linear model as masks come in, then with its test. Raises ParameterError for components there are not."""
    params: ComponentAttribution = question.params
    before = time.perf_counter()
    ablations = _Ablations.of(asking, params)
    draw = np.random.default_rng((question.seed, 101))
    rows = planned_masks(params, len(ablations.names)) + params.held_out
    kept = (draw.random((rows, len(ablations.names))) < params.keep).astype(np.uint8)
    scores = np.full(rows, np.nan)
    full = ablations.scores(np.ones((1, kept.shape[1]), np.uint8))[0]
    told = _Told(ablations, params, asking, before, float(full), kept, scores)
    shown = 0
    for part in ablations.variants.batches(rows):  # held-out masks first, so that every snapshot is tested
        scores[part] = ablations.scores(kept[part])
        learnt = part.stop - params.held_out
        if learnt >= max(50, (shown + 1) * (rows - params.held_out) / PARTS) and part.stop < rows:
            shown = int(PARTS * learnt / (rows - params.held_out))
            yield Partial(told.snapshot(learnt, None), part.stop, rows)
        elif part.stop < rows:
            yield Progress(part.stop, rows)
    yield Result(told.snapshot(rows - params.held_out, draw))


@dataclass(frozen=True)
class _Ablations:
    """The components by name and the passes without some of them."""

    variants: Variants
    names: tuple[str, ...]
    layer: str  # of the units; empty where the components are layers

    @classmethod
    def of(cls, asking: AnyAsking, params: ComponentAttribution) -> _Ablations:
        layers = asking.model.card.units
        if params.components == "units":
            layer = chosen_layer(params.layer, layers)
            names = tuple(f"{layer.name}:{unit}" for unit in range(layer.count))
            return cls(Variants(asking, [layer.name]), names, layer.name)
        if any(layer.kind == "channel" for layer in layers):
            raise ParameterError(
                f"Components: all that {asking.model.card.name} knows of a photo flows through each of its layers, so that "
                "nothing is left without one; choose units."
            )
        return cls(Variants(asking, [layer.name for layer in layers]), tuple(layer.name for layer in layers), "")

    def scores(self, kept: np.ndarray) -> np.ndarray:
        """The target with the components of each row of a mask (rows, components) kept, float64 (rows,)."""
        device = self.variants.asking.model.device
        factors = torch.from_numpy(kept.astype(np.float32)).to(device)  # (rows, components)
        if self.layer:
            edits = [UnitEdit(self.layer, factors[:, None], factors.new_zeros(1, 1, 1))]
        else:
            edits = [UnitEdit(name, factors[:, i, None, None], factors.new_zeros(1, 1, 1)) for i, name in enumerate(self.names)]
        found = [self.variants.scores([edit.rows(part) for edit in edits], part.stop - part.start) for part in self._parts(kept)]
        return torch.cat(found).double().cpu().numpy()

    def _parts(self, kept: np.ndarray) -> Iterator[slice]:
        return self.variants.batches(len(kept))


@dataclass
class _Told:
    """What the scores so far tell. The first `held_out` rows test, the others teach."""

    ablations: _Ablations
    params: ComponentAttribution
    asking: AnyAsking
    before: float
    full: float
    kept: np.ndarray
    measured: np.ndarray
    shuffled: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    def snapshot(self, learnt: int, draw: np.random.Generator | None) -> ComponentAttributions:
        """The linear model of the masks learnt from so far; with `draw`, its controls too."""
        test = slice(0, self.params.held_out)
        teach = slice(self.params.held_out, self.params.held_out + learnt)
        masks = Masks.of(self.kept[teach])
        model = fit(masks, self.measured[teach])
        predicted = model.predict(self.kept[test])
        found = correlation(predicted, self.measured[test])
        removal = None
        if draw is not None:
            self.shuffled = self._shuffled(masks, model, draw)
            removal = self._removal(model, draw)
        return ComponentAttributions(
            names=self.ablations.names,
            weights=model.weights.astype(np.float32),
            standard_errors=model.standard_errors.astype(np.float32),
            bias=model.bias,
            score=self.full,
            predicted=predicted.astype(np.float32),
            measured=self.measured[test].astype(np.float32),
            correlation=found,
            interval=fisher_interval(found, self.params.held_out),
            shuffled=self.shuffled,
            masks=learnt,
            keep=self.params.keep,
            penalty=model.penalty,
            removal=removal,
            target=self.asking.target,
            passes=self.asking.spent,
            seconds=time.perf_counter() - self.before,
        )

    def _shuffled(self, masks: Masks, model: Fit, draw: np.random.Generator) -> np.ndarray:
        """Held-out correlations of models that learnt from the same masks with the scores in another order."""
        held, learnt = self.params.held_out, len(masks.kept)
        scores = self.measured[held : held + learnt]
        found = []
        for _ in range(SHUFFLES):
            other = fit(masks, draw.permutation(scores), model.penalty)
            found.append(correlation(other.predict(self.kept[:held]), self.measured[:held]))
        return np.array(found, np.float32)

    def _removal(self, model: Fit, draw: np.random.Generator) -> Removal:
        """The strongest components taken away together: as many as a random mask takes."""
        size = len(model.weights)
        count = max(1, round(size * (1 - self.params.keep)))
        order = np.argsort(-model.weights, kind="stable")
        sets = [order[:count], order[-count:], *(draw.choice(size, count, replace=False) for _ in range(REMOVED_SETS))]
        kept = np.ones((len(sets), size), np.uint8)
        for row, gone in enumerate(sets):
            kept[row, gone] = 0
        changes = self.ablations.scores(kept) - self.full
        expected = [-float(model.weights[gone].sum()) for gone in sets[:2]]
        return Removal(count, expected[0], float(changes[0]), expected[1], float(changes[1]), changes[2:].astype(np.float32))
