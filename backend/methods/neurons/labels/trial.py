"""The label test of a neuron or head of a language model, number by number; images have a module of their own."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from backend.methods.neurons.labels.draws import LEAST, Draw, Halves, draws, halves, observed
from backend.methods.neurons.labels.firing import firing, seen_items
from backend.methods.neurons.labels.image_trial import image_trial
from backend.methods.neurons.labels.interchange import Effects, Interchange, pairs, unit_neurons
from backend.methods.neurons.labels.propose import proposed
from backend.methods.neurons.labels.readings import Readings
from backend.methods.neurons.labels.rules import Rule, read_rule
from backend.methods.neurons.labels.scores import Scores, held_out_scores
from backend.methods.neurons.labels.subject import index_of, text_places_of, unit_of
from backend.methods.neurons.labels.text_places import READ, TextPlaces
from backend.methods.neurons.labels.verdicts import effect_measure, score_measures
from backend.methods.neurons.test_label import LabelTest
from backend.methods.neurons.unit import Unit, unit_at
from backend.methods.params import ParameterError
from backend.methods.question import Question
from backend.methods.steps import Partial, Progress, Result, Step
from backend.models.card import ModelCard, UnitLayer, unit_layer
from backend.store.unit_index import UnitIndex

if TYPE_CHECKING:
    from backend.engine.asking import AnyAsking, TokenAsking

TRIED = 4  # units asked for a label, for each control wanted


@dataclass
class _Trial:
    """A test under way."""

    question: Question
    asking: TokenAsking
    unit: Unit
    index: UnitIndex
    places: TextPlaces
    rule: Rule
    halves: Halves
    readings: Readings
    drawn: dict[Rule, tuple[Draw, Draw]] = field(default_factory=dict)
    scores: dict[Rule, Scores] = field(default_factory=dict)
    effects: list[Effects] = field(default_factory=list)  # of the unit and of random ones
    shuffled: dict[Rule, Effects] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many snapshots the test gives in all."""
        return 2 * (self.question.params.controls + 1)

    @property
    def done(self) -> int:
        """How many of them are there."""
        return len(self.scores) + (1 if self.effects else 0) + len(self.shuffled)


def trial(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield a snapshot after the label, after each control, and after each interchange; the finished test last."""
    card = asking.model.card
    unit, index, rule = unit_of(question, card), index_of(question, card), read_rule(question.params.label)
    if isinstance(card, ModelCard):
        yield from image_trial(question, asking, unit, index, rule)  # type: ignore[arg-type]
        return
    test = _begin(question, asking, unit, index, rule)  # type: ignore[arg-type]
    yield Progress(0, test.total)
    yield from _scored(test, rule)
    yield Partial(_snapshot(test), test.done, test.total)
    others = yield from _other_rules(test)
    for other in others:
        yield from _scored(test, other)
        yield Partial(_snapshot(test), test.done, test.total)
    yield from _interchanged(test, others)
    yield Result(_snapshot(test))


def _begin(question: Question, asking: TokenAsking, unit: Unit, index: UnitIndex, rule: Rule) -> _Trial:
    if rule.kind == "seen as":
        raise ParameterError(f"Label: {rule.text[:60]!r} is about images; {asking.model.card.name} reads text.")
    places = text_places_of(question.inputs, asking.model.tokenizer)  # type: ignore[arg-type]
    readings = Readings(asking, (unit,), places)
    return _Trial(
        question, asking, unit, index, places, rule, halves(places.items, seen_items(index, unit), question.seed), readings
    )


def _scored(test: _Trial, rule: Rule) -> Iterator[Step]:
    """Draw, read and score one label."""
    if rule not in test.drawn:
        test.drawn[rule] = draws(test.halves, rule, test.places, test.question.params.samples)
    choose, report = test.drawn[rule]
    for _ in test.readings.read([*choose.items.tolist(), *report.items.tolist()]):
        yield Progress(test.done, test.total)
    values = test.readings.of(0)
    first, second = (observed(one, rule, test.places, values) for one in (choose, report))
    test.scores[rule] = held_out_scores(first, second, test.question.seed)


def _other_rules(test: _Trial) -> Generator[Progress, None, list[Rule]]:
    """Labels that the labeller gives to random units of the same kind, each of which the test can draw texts for."""
    wanted, found = test.question.params.controls, list[Rule]()
    for unit in random_units(test.index.manifest.layers, test.unit, TRIED * wanted, test.question.seed):
        chosen = yield from proposed(test.index, unit, test.places, firing(test.index, unit, test.places.starts))
        yield Progress(test.done, test.total)
        rule = chosen[0].rule if chosen else test.rule
        if rule in (test.rule, *found):
            continue
        try:
            test.drawn[rule] = draws(test.halves, rule, test.places, test.question.params.samples)
        except ParameterError:
            continue
        found.append(rule)
        if len(found) == wanted:
            break
    return found


def _interchanged(test: _Trial, others: list[Rule]) -> Iterator[Step]:
    """The effects, where the unit is a neuron."""
    layer = unit_layer(test.asking.model.card, test.unit.layer)
    if layer is None or layer.kind != "neuron":
        return
    params, seed = test.question.params, test.question.seed
    neurons = unit_neurons(test.unit, layer.count, params.controls, seed)
    swaps = Interchange(test.asking, layer.name, neurons, test.places)
    for rule in (test.rule, *others):
        made = pairs(test.drawn[rule][1], rule, test.places, params.pairs, seed)
        if len(made.true) < min(LEAST, params.pairs):
            continue
        effects = yield from swaps.effects(made, len(neurons) if rule == test.rule else 1)
        if rule == test.rule:
            test.effects = effects
        else:
            test.shuffled[rule] = effects[0]
        yield Partial(_snapshot(test), test.done, test.total)
        if not test.effects:
            return


def _snapshot(test: _Trial) -> LabelTest:
    own = test.scores[test.rule]
    measures = score_measures(own, [scores for rule, scores in test.scores.items() if rule != test.rule])
    if test.effects:
        for name, unit in (("logit", "logit"), ("loss", "nats")):
            key = "written" if name == "logit" else "loss"
            values = [getattr(effects, key) for effects in test.effects]
            shuffled = [getattr(effects, key) for effects in test.shuffled.values()]
            measures += (effect_measure(name, unit, values[0], shuffled, values[1:], test.question.seed),)
    return LabelTest(
        layer=test.unit.layer,
        unit=test.unit.index,
        label=test.rule.text,
        measures=measures,
        threshold=own.threshold,
        base_rate=own.base_rate,
        firing=own.firing,
        matching=test.drawn[test.rule][1].matching,
        shuffled=tuple(rule.text for rule in test.scores if rule != test.rule),
        protocol=_protocol(test),
        passes=test.asking.spent,
    )


def _protocol(test: _Trial) -> str:
    choose, report = test.drawn[test.rule]
    count = len(test.effects[0].loss) if test.effects else 0
    swapped = (
        f"{count} pairs of tokens interchange the activation; the same for {len(test.effects) - 1} random neurons of the layer."
        if test.effects
        else "Effects are measured of neurons."
    )
    return (
        f"{test.asking.model.card.name}, {test.question.inputs.name}: "  # type: ignore[union-attr]
        f"{len(choose.items)} texts choose the threshold, {len(report.items)} others report, {READ} tokens of each; "
        f"{report.matching} of these were drawn for the label, weighted back to the whole corpus; none is among the unit's "
        f"examples. Controls: labels that the same labeller gives to other units, tested alike. {swapped}"
    )


def random_units(layers: tuple[UnitLayer, ...], unit: Unit, count: int, seed: int) -> list[Unit]:
    """Other units of the same kind, drawn from all layers."""
    kind = next(layer.kind for layer in layers if layer.name == unit.layer)
    alike = tuple(layer for layer in layers if layer.kind == kind)
    total = sum(layer.count for layer in alike)
    order = np.random.default_rng(seed).permutation(total)[: count + 1]
    return [other for other in (unit_at(int(place), alike) for place in order) if other != unit][:count]
