"""Which texts a label is tested on: drawn by rule and by number, never by what the unit does there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from backend.methods.neurons.labels.rules import Rule
from backend.methods.neurons.labels.scores import Observed
from backend.methods.neurons.labels.text_places import READ, TextPlaces
from backend.methods.params import ParameterError

LEAST = 5  # texts with the label a half; with fewer, an interval says nothing
FROM_ALL = 3  # texts drawn from all, for each drawn with the label


@dataclass(frozen=True)
class Halves:
    """Items in a random order of their own: those of even number choose the threshold, those of odd number report."""

    choose: np.ndarray
    report: np.ndarray


@dataclass(frozen=True)
class Draw:
    """Drawn items: how many of the half each stands for (float64), and its stratum, 1 where the label is true somewhere."""

    items: np.ndarray
    weights: np.ndarray
    stratum: np.ndarray

    @property
    def matching(self) -> int:
        """How many drawn items have the label."""
        return int((self.stratum == 1).sum())


def halves(items: int, seen: Collection[int], seed: int) -> Halves:
    """The items but those `seen` when the label was made, in a random order, by the parity of their number."""
    free = np.setdiff1d(np.arange(items), np.fromiter(seen, dtype=np.int64, count=len(seen)))
    order = np.random.default_rng(seed).permutation(free)
    return Halves(order[order % 2 == 0], order[order % 2 == 1])


def draw(half: np.ndarray, has: np.ndarray, samples: int) -> Draw:
    """The first `samples` of the half with the label, and those without among its first `FROM_ALL` times as many.

    half: int (items of the half,), in random order. has: bool (all items,). As both are uniform draws of their stratum, the
    weights make sums over the draw unbiased estimates of sums over the half.
    """
    with_label = half[has[half]]
    first = half[: FROM_ALL * samples]
    drawn, others = with_label[:samples], first[~has[first]]
    without = len(half) - len(with_label)
    weights = [len(with_label) / max(1, len(drawn))] * len(drawn) + [without / max(1, len(others))] * len(others)
    stratum = np.repeat([1, 0], [len(drawn), len(others)])
    return Draw(np.concatenate([drawn, others]), np.array(weights), stratum)


def draws(found: Halves, rule: Rule, places: TextPlaces, samples: int) -> tuple[Draw, Draw]:
    """The draws that choose and that report. Raises ParameterError where the label is true too seldom."""
    has = places.in_items(places.true_at(rule) & places.tested)
    made = draw(found.choose, has, samples), draw(found.report, has, samples)
    fewest = min(one.matching for one in made)
    if fewest < LEAST:
        raise ParameterError(
            f"Label: {rule.text[:60]} is true in the first {READ} tokens of {fewest} texts of one half of the corpus, the unit's "
            f"examples left out; a test needs {LEAST} in each."
        )
    return made


def observed(one: Draw, rule: Rule, places: TextPlaces, values: Mapping[int, np.ndarray]) -> Observed:
    """What the unit does at the tested tokens of drawn texts. values: by item, float32 (tokens,), of the tokens read."""
    true, parts, truths, sample = places.true_at(rule), [], [], []
    for number, item in enumerate(one.items.tolist()):
        start, stop = int(places.starts[item]) + 1, int(places.starts[item]) + len(values[item])  # the first token never counts
        parts.append(values[item][1:])
        truths.append(true[start:stop])
        sample.append(np.full(stop - start, number))
    return Observed(np.concatenate(parts), np.concatenate(truths), np.concatenate(sample), one.weights, one.stratum)
