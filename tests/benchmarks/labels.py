"""Do machine labels tell where neurons fire? `python -m tests.benchmarks.labels --units 100`, on the default language model.

Stated before the first run: over neurons of the MLPs drawn by a seed, the F1 of a neuron's own label exceeds the mean F1 of
other neurons' labels on it. Thresholds are chosen on texts of even number and all is reported on texts of odd number; texts
that any label was made from are left out, and the encoder that ranks labels never chooses a text of the test.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

import backend
from backend.data.corpora import corpus
from backend.engine import engine
from backend.engine.asking import TokenAsking
from backend.methods.neurons.labels.draws import draws, halves, observed
from backend.methods.neurons.labels.firing import firing, seen_items
from backend.methods.neurons.labels.propose import proposed
from backend.methods.neurons.labels.readings import Readings
from backend.methods.neurons.labels.rules import Rule
from backend.methods.neurons.labels.scores import held_out_scores
from backend.methods.neurons.labels.subject import text_places_of
from backend.methods.neurons.labels.text_places import TextPlaces
from backend.methods.neurons.unit import Unit, unit_at
from backend.methods.params import ParameterError
from backend.methods.question import Corpus, Question
from backend.store.unit_index import UnitIndex, open_index
from tests.benchmarks.intervals import DRAWS, LEVEL, bootstrap_mean

MODEL, TITLE, CORPUS = "smollm2-135m-instruct", "SmolLM2-135M, Q4_1 de-quantised", "documents"
SAMPLES, OTHERS, SEED = 8, 20, 0
MEASURES = ("f1", "precision", "recall")


@dataclass(frozen=True)
class Labelled:
    """A neuron with the label it was given, and its index among the neurons read."""

    unit: Unit
    rule: Rule


def index_over(words: Corpus, items: int) -> UnitIndex:
    """The index of the model over the corpus, built where there is none yet."""
    backend.prediction(sample="The", model=MODEL)
    revision = engine().workshop.card(backend.ask("prediction", sample="The", model=MODEL).model).revision
    found = open_index(MODEL, revision, words)
    if found is None or found.manifest.items < items:
        print(f"Reading {items} texts for the index", file=sys.stderr)
        backend.run("neuron_index", model=MODEL, sample=words, items=items)
        found = open_index(MODEL, revision, words)
    if found is None:
        raise SystemExit("The index could not be built.")
    return found


def drawn_units(index: UnitIndex, count: int) -> list[Unit]:
    """Neurons drawn uniformly from all MLPs."""
    layers = tuple(layer for layer in index.manifest.layers if layer.kind == "neuron")
    order = np.random.default_rng(SEED).permutation(sum(layer.count for layer in layers))[:count]
    return [unit_at(int(place), layers) for place in order]


def labelled(index: UnitIndex, places: TextPlaces, units: list[Unit]) -> Iterator[Labelled]:
    """Each neuron with its label; those that never fire have none."""
    for unit in units:
        steps = proposed(index, unit, places, firing(index, unit, places.starts))
        try:
            while True:
                next(steps)
        except StopIteration as done:
            if done.value:
                yield Labelled(unit, done.value[0].rule)


class Trials:
    """All neurons read on the texts of all labels, so that any label can be scored on any neuron."""

    def __init__(self, asking: TokenAsking, index: UnitIndex, places: TextPlaces, found: list[Labelled]) -> None:
        self.places = places
        seen = frozenset[int]().union(*(seen_items(index, one.unit) for one in found))
        both = halves(places.items, seen, SEED)
        self.drawn = {}
        for rule in {one.rule for one in found}:
            try:
                self.drawn[rule] = draws(both, rule, places, SAMPLES)
            except ParameterError:
                continue  # too rare to test: counted in the report
        self.found = [one for one in found if one.rule in self.drawn]
        self.readings = Readings(asking, [one.unit for one in self.found], places)

    def read(self) -> None:
        """Read every drawn text once; minutes."""
        items = [item for pair in self.drawn.values() for one in pair for item in one.items.tolist()]
        began = time.perf_counter()
        for step in self.readings.read(items):
            if step.done == step.total or time.perf_counter() - began > 20:
                began = time.perf_counter()
                print(f"{step.done} of {step.total} texts read", file=sys.stderr)

    def score(self, number: int, rule: Rule) -> tuple[float, float, float]:
        """F1, precision and recall of a label on one of the neurons."""
        values = self.readings.of(number)
        choose, report = (observed(one, rule, self.places, values) for one in self.drawn[rule])
        found = held_out_scores(choose, report, SEED)
        return found.f1.value, found.precision.value, found.recall.value

    def scores(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Of a neuron, its own label's scores (3,) and those of others' labels (labels, 3)."""
        own = self.found[number].rule
        others = [rule for rule in self.drawn if rule != own]
        chosen = np.random.default_rng((SEED, number)).permutation(len(others))[:OTHERS]
        return np.array(self.score(number, own)), np.array([self.score(number, others[int(place)]) for place in chosen])


def report(trials: Trials, asked: int, named: int) -> Iterator[str]:
    """The lines of the report, whichever way it comes out."""
    pairs = [trials.scores(number) for number in range(len(trials.found))]
    yield f"{TITLE}, corpus {CORPUS}; {asked} neurons drawn, {named} named, {len(pairs)} with labels common enough to test."
    drawn = f"{SAMPLES} texts with the label a half, {3 * SAMPLES} drawn from all"
    yield f"{drawn}; {OTHERS} other neurons' labels each; seed {SEED}."
    yield f"Mean over neurons with a {100 * LEVEL:.0f} % bootstrap interval ({DRAWS:,} draws); * the stated hypothesis."
    for place, name in enumerate(MEASURES):
        own, others = [own[place] for own, _ in pairs], [shuffled[:, place].mean() for _, shuffled in pairs]
        yield f"  {name:10s} own label {np.mean(own):.4f}, shuffled labels {np.mean(others):.4f}"
        difference = bootstrap_mean([a - b for a, b in zip(own, others, strict=True)], SEED)
        yield f"  {'*' if name == 'f1' else ' '} own less shuffled {difference}"
    best = float(np.mean([own[0] > shuffled[:, 0].max() for own, shuffled in pairs]))
    chance = f"by chance {100 / (OTHERS + 1):.0f} %"
    yield f"  own label's F1 above that of all {OTHERS} others: {100 * best:.0f} % of neurons; {chance}"
    for kind in ("words", "class", "after", "context"):
        own = [pair[0][0] for pair, one in zip(pairs, trials.found, strict=True) if one.rule.kind == kind]
        yield f"  {kind:10s} {len(own):3d} labels" + (f", mean F1 {np.mean(own):.3f}" if own else "")
    ranked = sorted(zip(pairs, trials.found, strict=True), key=lambda pair: -pair[0][0][0])
    for (own, shuffled), one in ranked[:5] + ranked[-3:]:
        yield f"  {one.unit.text:12s} {one.rule.text[:60]:60s} F1 {own[0]:.2f}, shuffled {shuffled[:, 0].mean():.2f}"


def main() -> None:
    """Label, read, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=100, help="how many neurons")
    parser.add_argument("--items", type=int, default=1536, help="texts that the index must hold")
    given = parser.parse_args()
    if given.units < 2:
        raise SystemExit(f"--units {given.units}: at least two neurons are needed, as each is the other's control.")
    words = corpus(CORPUS)
    index = index_over(words, given.items)
    question: Question = backend.ask("neuron_index", sample=words, model=MODEL)
    asking = TokenAsking(question, engine().workshop)  # the engine is idle
    places = text_places_of(words, asking.model.tokenizer)
    units = drawn_units(index, given.units)
    found = list(labelled(index, places, units))
    trials = Trials(asking, index, places, found)
    trials.read()
    for line in report(trials, len(units), len(found)):
        print(line)


if __name__ == "__main__":
    main()
