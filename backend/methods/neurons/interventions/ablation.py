"""Changes units of one sample to many strengths and holds the effect against random units changed alike."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from backend.engine.asking import AnyAsking
from backend.methods.neurons.interventions.activations import half
from backend.methods.neurons.interventions.choice import chosen_layer, chosen_units, random_sets
from backend.methods.neurons.interventions.variants import Change, Variants
from backend.methods.neurons.neuron_ablation import HIGH, LOW, Ablation, NeuronAblation, UnitSet
from backend.methods.params import ParameterError
from backend.methods.question import Question
from backend.methods.steps import Partial, Result, Step
from backend.models.card import UnitLayer

LIKELIEST = 10


def ablation(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield the effect as strengths and controls are measured. Raises ParameterError for units there are not."""
    params: NeuronAblation = question.params
    before = time.perf_counter()
    layers = asking.model.card.units
    layer = chosen_layer(params.layer, layers)
    chosen = chosen_units(params.units, params.unit, layer)
    if params.mode == "clamp" and layer.kind == "head":
        raise ParameterError(f"Mode: a head of {layer.name} has many values, so it cannot be clamped to one; scale it instead.")
    controls = random_sets(chosen, layers, params.controls, question.seed)
    variants = Variants(asking, [chosen.layer, *(control.layer for control in controls)])
    effect = _Effect(params, chosen, controls, _values(variants, chosen, layer), _strengths(params))
    if params.mode == "clamp":
        effect.strengths = _clamps(params, effect.values)
    total = 1 + len(effect.strengths) * (1 + len(controls))
    done = 0
    for done in effect.measure(variants):
        if done < total:
            yield Partial(effect.told(asking, before), done, total)
    yield Result(effect.told(asking, before))


def _strengths(params: NeuronAblation) -> np.ndarray:
    return np.unique(np.append(np.linspace(LOW, HIGH, params.points), params.strength)).astype(np.float32)


def _clamps(params: NeuronAblation, values: np.ndarray) -> np.ndarray:
    """The clamp's range in even steps, and the value asked for; without a range, that of the units' own values, zero included."""
    low, high = params.low, params.high
    if low >= high:
        low, high = min(0.0, float(values.min(initial=0.0))), max(0.0, float(values.max(initial=0.0)))
    return np.unique(np.append(np.linspace(low, high, params.points), params.strength)).astype(np.float32)


def _values(variants: Variants, chosen: UnitSet, layer: UnitLayer) -> np.ndarray:
    """What the chosen units do on the sample as it is, float32: (positions,) of one unit, all values of several."""
    record = variants.asking.forward(variants.row, units=[layer.name], prefix=variants.prefix)
    values = half(record.units[layer.name][0]).astype(np.float32)  # (positions, units)
    return values[:, list(chosen.units)].ravel() if chosen.units else values.ravel()


@dataclass
class _Effect:
    """What is measured so far; logits of rows stay whole, so that outputs can be chosen once all are there."""

    params: NeuronAblation
    chosen: UnitSet
    controls: tuple[UnitSet, ...]
    values: np.ndarray
    strengths: np.ndarray
    base: np.ndarray = field(default_factory=lambda: np.zeros(0))
    base_loss: float = float("nan")
    logits: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    loss: np.ndarray = field(default_factory=lambda: np.zeros(0))
    control_kl: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    control_loss: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def measure(self, variants: Variants) -> Iterator[int]:
        """Pass all rows, those at the asked strength first; yields how many are done."""
        order = np.argsort(np.abs(self.strengths - self.params.strength), kind="stable")
        mode = self.params.mode
        unchanged = Change(self.chosen, "scale", 1.0)
        curve = [unchanged, *(Change(self.chosen, mode, float(self.strengths[place])) for place in order)]
        alike = [(place, number) for place in order for number in range(len(self.controls))]
        points, shape = len(order), (len(order), len(self.controls))
        self.control_kl, self.control_loss, self.loss = np.full(shape, np.nan), np.full(shape, np.nan), np.full(points, np.nan)
        done = 0
        for part in variants.batches(len(curve)):
            self._keep_curve(part, order, *_numbers(variants, curve[part]))
            done = part.stop
            if done > 1:  # the unchanged row alone says nothing yet
                yield done
        for part in variants.batches(len(alike)):
            changes = [Change(self.controls[number], mode, float(self.strengths[place])) for place, number in alike[part]]
            logits, losses = _numbers(variants, changes)
            for (place, number), row, loss in zip(alike[part], logits, losses, strict=True):
                self.control_kl[place, number] = divergence(self.base, row[None])[0]
                self.control_loss[place, number] = loss
            yield done + part.stop

    def _keep_curve(self, part: slice, order: np.ndarray, logits: np.ndarray, losses: np.ndarray) -> None:
        if part.start == 0:
            self.base, self.base_loss = logits[0], float(losses[0])
            self.logits = np.full((len(order), logits.shape[1]), np.nan)
        for row in range(max(part.start, 1), part.stop):
            place = order[row - 1]
            self.logits[place], self.loss[place] = logits[row - part.start], losses[row - part.start]

    def told(self, asking: AnyAsking, before: float) -> Ablation:
        """The effect as a result."""
        known = np.isfinite(self.logits).all(axis=1)
        rows = np.vstack([self.base[None], self.logits[known]])
        outputs = np.unique(np.argsort(-rows, axis=1, kind="stable")[:, :LIKELIEST])
        firsts = np.where(known, np.argmax(np.nan_to_num(self.logits, nan=-np.inf), axis=1), -1)
        probabilities = np.exp(_log_softmax(self.logits))
        return Ablation(
            self.chosen, self.params.mode, self.params.strength, self.strengths,
            outputs=outputs.astype(np.int32),
            probabilities=probabilities[:, outputs].astype(np.float32),
            logits=self.logits[:, outputs].astype(np.float32),
            base_probabilities=np.exp(_log_softmax(self.base[None]))[0, outputs].astype(np.float32),
            base_logits=self.base[outputs].astype(np.float32),
            firsts=firsts.astype(np.int32),
            base_first=int(self.base.argmax()),
            kl=divergence(self.base, self.logits).astype(np.float32),
            loss=self.loss.astype(np.float32),
            base_loss=self.base_loss,
            controls=self.controls,
            control_kl=self.control_kl.astype(np.float32),
            control_loss=self.control_loss.astype(np.float32),
            values=self.values if len(self.chosen.units) == 1 else np.zeros(0, np.float32),
            passes=asking.spent,
            seconds=time.perf_counter() - before,
        )  # fmt: skip


def _numbers(variants: Variants, changes: list[Change]) -> tuple[np.ndarray, np.ndarray]:
    logits, losses = variants.edited(changes)
    return logits.double().cpu().numpy(), losses.double().numpy()


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def divergence(base: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """KL(base ‖ changed) in nats, (rows,), of the softmax of logits (outputs,) and (rows, outputs)."""
    before = _log_softmax(base[None])
    return np.asarray((np.exp(before) * (before - _log_softmax(changed))).sum(axis=1))
