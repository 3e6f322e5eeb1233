"""Builds the index step by step, with checkpoints, from where an earlier build stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from backend.engine.asking import Asking, TokenAsking
from backend.methods.neurons.index.collector import Collector
from backend.methods.neurons.index.passing import Source, source
from backend.methods.neurons.index.plan import Plan, plan, rounded
from backend.methods.neurons.index.state import State
from backend.methods.neurons.neuron_index import IndexProgress
from backend.methods.params import ParameterError
from backend.methods.question import Corpus, Question
from backend.methods.steps import Partial, Progress, Result, Step
from backend.store.index_file import Manifest, write_index
from backend.store.unit_index import IndexDamaged, UnitIndex, open_index

FIRST_CHECKPOINT, CHECKPOINT = 2.0, 10.0  # seconds
LARGEST_SHARE = 0.03  # of the time may go into checkpoints; 57 MB are written in a fifth of a second, large models take longer


def build(question: Question, asking: Asking | TokenAsking) -> Iterator[Step]:
    """Progress at every batch, a Partial at every checkpoint, the Result when all items have passed."""
    _check(question)
    corpus: Corpus = question.inputs  # type: ignore[assignment]
    standing = _standing(corpus, asking)
    if standing is not None and _enough(standing.manifest, question.params.items):
        yield Result(_progress(standing.manifest))
        return
    found: Source | None = None
    for step in source(corpus, asking, question.params.items):
        if isinstance(step, Progress):
            yield step
        else:
            found = step
    assert found is not None
    order = plan(found.lengths, question.params.items, seed=question.seed, rows=found.rows, positions=found.positions)
    yield from _Build(corpus, asking, found, order, question.seed).run(standing)


class _Build:
    def __init__(self, corpus: Corpus, asking: Asking | TokenAsking, found: Source, order: Plan, seed: int) -> None:
        self.corpus = corpus
        self.card = asking.model.card
        self.source = found
        self.plan = order
        self.state = State(self.card.units, found.windowed, asking.model.device)
        self.seed = seed
        self.device = asking.model.device

    def run(self, standing: UnitIndex | None) -> Iterator[Step]:
        done = self._resume(standing)
        collector = Collector(self.state, self.seed, self.device)
        total, passed = len(self.plan.order), 0
        due = time.monotonic() + (CHECKPOINT if done else FIRST_CHECKPOINT)
        for items in self.plan.batches:
            if passed >= done:
                self.source.show(items, passed, collector)
            passed += len(items)
            if passed <= done or passed == total:
                continue
            if time.monotonic() < due:
                yield Progress(passed, total)
                continue
            before = time.monotonic()
            manifest = self._write(passed)
            due = time.monotonic() + max(CHECKPOINT, (time.monotonic() - before) / LARGEST_SHARE)
            yield Partial(_progress(manifest), passed, total)
        yield Result(_progress(self._write(total)))

    def _resume(self, standing: UnitIndex | None) -> int:
        """Take over what an earlier build collected of the same plan; returns how many items that were."""
        if standing is None or standing.manifest.seed != self.seed or standing.manifest.available != len(self.source.lengths):
            return 0
        self.state.restore(standing.arrays(), standing.manifest.positions_of)
        return standing.manifest.items

    def _write(self, passed: int) -> Manifest:
        manifest = Manifest(
            model=self.card.name,
            revision=self.card.revision,
            corpus=self.corpus,
            layers=self.card.units,
            items=passed,
            items_total=len(self.plan.order),
            available=len(self.source.lengths),
            positions_of=tuple(self.state.positions.values()),
            finished=passed == len(self.plan.order),
            seed=self.seed,
        )
        arrays: dict[str, Any] = self.state.arrays()
        write_index(manifest, arrays | {"sampled_items": self.plan.sampled})
        return manifest


def _check(question: Question) -> None:
    if question.edits:
        raise ParameterError(
            f"The unit index is of the model as it is; the question has {len(question.edits)} edits. Remove them."
        )
    if question.model.dtype != "float32":
        raise ParameterError(f"The unit index is collected in float32, not in {question.model.dtype}.")


def _standing(corpus: Corpus, asking: Asking | TokenAsking) -> UnitIndex | None:
    """What an earlier build left; None where it cannot be read, for then this one replaces it."""
    try:
        return open_index(asking.model.card.name, asking.model.card.revision, corpus)
    except IndexDamaged:
        return None


def _enough(manifest: Manifest, items: int) -> bool:
    return manifest.items >= rounded(items, manifest.available)


def _progress(manifest: Manifest) -> IndexProgress:
    return IndexProgress(
        manifest.model, manifest.revision, manifest.corpus, manifest.items, manifest.items_total, manifest.positions,
        manifest.finished,
    )  # fmt: skip
