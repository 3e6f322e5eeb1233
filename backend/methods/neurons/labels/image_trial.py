"""The label test of an image unit: does it fire on pictures that the model takes for the label's classes?"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from backend.data.corpora import ImageCorpus, image_corpus
from backend.methods.neurons.labels.draws import LEAST, halves
from backend.methods.neurons.labels.firing import seen_items
from backend.methods.neurons.labels.propose_images import ROWS, class_candidates, picture_rows, seen_classes, strong_items
from backend.methods.neurons.labels.rules import Rule, read_rule
from backend.methods.neurons.labels.scores import Observed, Scores, held_out_scores
from backend.methods.neurons.labels.verdicts import effect_measure, score_measures
from backend.methods.neurons.test_label import LabelTest
from backend.methods.neurons.unit import Unit, unit_at
from backend.methods.params import ParameterError
from backend.methods.question import Question
from backend.methods.steps import Partial, Progress, Result, Step
from backend.models.hooks import UnitEdit
from backend.store.unit_index import UnitIndex

if TYPE_CHECKING:
    from backend.engine.asking import Asking

DRAWN = 8  # pictures drawn in each half, for each `samples`: classes are not known before they are passed


@dataclass
class _Trial:
    """A test under way. values: by item, the unit's largest activation. classes: by item, the model's."""

    question: Question
    asking: Asking
    unit: Unit
    pictures: ImageCorpus
    rule: Rule
    choose: np.ndarray
    report: np.ndarray
    sizes: tuple[int, int]
    values: dict[int, float] = field(default_factory=dict)
    classes: dict[int, int] = field(default_factory=dict)
    shuffled: dict[Rule, Scores] = field(default_factory=dict)
    effects: dict[Rule, list[tuple[np.ndarray, np.ndarray]]] = field(default_factory=dict)

    def numbers(self, rule: Rule) -> list[int]:
        """The classes of a rule by number."""
        return [self.asking.model.card.labels.index(word) for word in rule.words]

    def observed(self, items: np.ndarray, size: int, rule: Rule) -> Observed:
        """One place an item; each stands for as many of its half, `size` items in all."""
        true = np.isin([self.classes[item] for item in items.tolist()], self.numbers(rule))
        values = np.array([self.values[item] for item in items.tolist()], dtype=np.float32)
        weights = np.full(len(items), size / len(items))
        return Observed(values, true, np.arange(len(items)), weights, np.zeros(len(items), dtype=np.int64))

    def scores(self, rule: Rule) -> Scores:
        """Threshold from one half, scores on the other. Raises ParameterError where the label is true too seldom."""
        first = self.observed(self.choose, self.sizes[0], rule)
        second = self.observed(self.report, self.sizes[1], rule)
        fewest = min(int(one.true.sum()) for one in (first, second))
        if fewest < LEAST:
            raise ParameterError(
                f"Label: {rule.text[:60]} is true of {fewest} pictures of one half of the draw; a test needs {LEAST} in each."
            )
        return held_out_scores(first, second, self.question.seed)


def image_trial(question: Question, asking: Asking, unit: Unit, index: UnitIndex, rule: Rule) -> Iterator[Step]:
    """Yield a snapshot once the pictures are read, and the finished test. Raises ParameterError for a label it cannot match."""
    _check(rule, asking)
    test = _begin(question, asking, unit, index, rule)
    yield from _read(test)
    own = test.scores(rule)
    yield Partial(_snapshot(test, own), 1, 3)
    for other in (yield from _other_rules(test, index)):
        test.shuffled[other] = test.scores(other)
    yield Partial(_snapshot(test, own), 2, 3)
    for each in (rule, *test.shuffled):
        yield from _interchanged(test, each)
    yield Result(_snapshot(test, own))


def _check(rule: Rule, asking: Asking) -> None:
    if rule.kind != "seen as":
        raise ParameterError(f"Label: {rule.text[:60]!r} is about text; of images a test can match images seen as “a class”.")
    for word in rule.words:
        if word not in asking.model.card.labels:
            raise ParameterError(f"Label: {word[:60]!r} is no class of {asking.model.card.name}.")


def _begin(question: Question, asking: Asking, unit: Unit, index: UnitIndex, rule: Rule) -> _Trial:
    pictures = image_corpus(question.inputs)  # type: ignore[arg-type]
    both, most = halves(len(pictures), seen_items(index, unit), question.seed), DRAWN * question.params.samples
    sizes = len(both.choose), len(both.report)
    return _Trial(question, asking, unit, pictures, rule, both.choose[:most], both.report[:most], sizes)


def _read(test: _Trial) -> Iterator[Step]:
    items = [*test.choose.tolist(), *test.report.tolist()]
    for start in range(0, len(items), ROWS):
        batch = items[start : start + ROWS]
        record = test.asking.forward(picture_rows(test.asking, test.pictures, batch), units=[test.unit.layer])
        largest = record.units[test.unit.layer][:, :, test.unit.index].amax(dim=1).tolist()
        test.values.update(zip(batch, largest, strict=True))
        test.classes.update(zip(batch, record.logits.argmax(dim=1).tolist(), strict=True))
        yield Progress(0, 3)


def _other_rules(test: _Trial, index: UnitIndex) -> Generator[Progress, None, list[Rule]]:
    """Labels that the labeller gives to random units of the model, as far as the draw holds their classes."""
    wanted, found = test.question.params.controls, list[Rule]()
    layers = index.manifest.layers
    order = np.random.default_rng(test.question.seed).permutation(sum(layer.count for layer in layers))
    sampled = yield from seen_classes(test.asking, test.pictures, index.sampled_items.tolist())
    for unit in (unit_at(int(place), layers) for place in order[: 4 * wanted]):
        strong, threshold = strong_items(index, unit)
        if unit == test.unit or not strong:
            continue
        own = yield from seen_classes(test.asking, test.pictures, strong)
        rate = float((index.sampled_values(unit) > threshold).mean())
        rule = read_rule(class_candidates(own, sampled, test.asking.model.card.labels, rate)[0].label)
        if rule not in (test.rule, *found) and _common_enough(test, rule):
            found.append(rule)
        if len(found) == wanted:
            break
    return found


def _common_enough(test: _Trial, rule: Rule) -> bool:
    try:
        test.scores(rule)
    except ParameterError:
        return False
    return True


def _interchanged(test: _Trial, rule: Rule) -> Iterator[Step]:
    """Pairs of pictures, with the label and without, take each other's map of the unit, and of random units for the label."""
    numbers, params = test.numbers(rule), test.question.params
    items = test.report.tolist()
    true = [item for item in items if test.classes[item] in numbers][: params.pairs]
    other = [item for item in items if test.classes[item] not in numbers][: params.pairs]
    size = min(len(true), len(other))
    if not size:
        return
    rows = picture_rows(test.asking, test.pictures, [*true[:size], *other[:size]])
    plain = test.asking.forward(rows, units=[test.unit.layer])
    layer = plain.units[test.unit.layer]  # (pictures, positions, units)
    yield Progress(2, 3)
    effects = []
    for neuron in _units(test, layer.shape[2]) if rule == test.rule else [test.unit.index]:
        edited = test.asking.forward(rows, edits=[_swapped(layer, neuron, size, test.unit.layer)])
        change = _stands(edited.logits, numbers) - _stands(plain.logits, numbers)  # (pictures,)
        loss = _loss(edited.logits, numbers) - _loss(plain.logits, numbers)
        effects.append((change[size:].double().cpu().numpy(), loss[:size].double().cpu().numpy()))
        yield Progress(2, 3)
    test.effects[rule] = effects


def _units(test: _Trial, count: int) -> list[int]:
    others = np.random.default_rng(test.question.seed).permutation(np.delete(np.arange(count), test.unit.index))
    return [test.unit.index, *others[: test.question.params.controls].tolist()]


def _swapped(layer: Tensor, neuron: int, size: int, name: str) -> UnitEdit:
    """One unit's map in each picture set to that of its partner, `size` pictures away."""
    factor, offset = torch.ones_like(layer), torch.zeros_like(layer)
    factor[:, :, neuron] = 0
    offset[:, :, neuron] = layer[:, :, neuron].roll(size, dims=0)
    return UnitEdit(name, factor, offset)


def _stands(logits: Tensor, numbers: Sequence[int]) -> Tensor:
    """The mean logit of some classes against that of all, (pictures,)."""
    return logits[:, list(numbers)].mean(dim=1) - logits.mean(dim=1)


def _loss(logits: Tensor, numbers: Sequence[int]) -> Tensor:
    """How little probability the classes have together, −log, in nats, (pictures,)."""
    return -logits.log_softmax(dim=1)[:, list(numbers)].logsumexp(dim=1)


def _snapshot(test: _Trial, own: Scores) -> LabelTest:
    measures = score_measures(own, list(test.shuffled.values()))
    if test.rule in test.effects:
        for place, (name, unit) in enumerate((("logit", "logit"), ("loss", "nats"))):
            values = [effect[place] for effect in test.effects[test.rule]]
            shuffled = [effects[0][place] for rule, effects in test.effects.items() if rule != test.rule]
            measures += (effect_measure(name, unit, values[0], shuffled, values[1:], test.question.seed),)
    matching = int(np.isin([test.classes[item] for item in test.report.tolist()], test.numbers(test.rule)).sum())
    shown = tuple(rule.text for rule in test.shuffled)
    parts = (test.rule.text, measures, own.threshold, own.base_rate, own.firing, matching, shown, _protocol(test))
    return LabelTest(test.unit.layer, test.unit.index, *parts, test.asking.spent)


def _protocol(test: _Trial) -> str:
    return (
        f"{test.asking.model.card.name}, {test.question.inputs.name}: "  # type: ignore[union-attr]
        f"{len(test.choose)} pictures choose the threshold, {len(test.report)} others report, drawn at random; none is among the "
        "unit's examples. A picture has the label where the model's first class is one of those named; the unit fires where its "
        "largest activation is above the threshold. Controls: labels that the same labeller gives to other units, tested alike. "
        "Pictures with and without the label interchange the unit's map; the written logit is that of the named classes."
    )
