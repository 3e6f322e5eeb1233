"""The series of passes behind language neurons: count, choose, then switch off one language's neurons after the other's."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from backend.data.corpora import text_corpus
from backend.data.token_corpus import TokenCorpus
from backend.methods.neurons.language_neurons import LanguageNeurons
from backend.methods.neurons.languages.change import Sequences, by_language, interval, own_less_others, resampled
from backend.methods.neurons.languages.halves import LanguageHalves, batches, language_halves, total_tokens
from backend.methods.neurons.languages.lape import Chosen, language_specific, random_like
from backend.methods.neurons.languages.passes import FiringPasses, losses, padded, switched_off
from backend.methods.neurons.weights.unembedding import neuron_layers
from backend.methods.question import Corpus, Question
from backend.methods.steps import Partial, Progress, Result, Step

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

COUNTED_TOKENS = 384  # a step; about a third of a second of the default model on one core
READ_TOKENS = 192  # with the logits of every token

MEASURED = ("change", "low", "high", "control", "control_low", "control_high")


def language_series(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Progress in tokens passed; a partial result when neurons are chosen and after every language."""
    params = question.params
    assert isinstance(question.inputs, Corpus)
    corpus = text_corpus(question.inputs, asking.model.tokenizer)
    halves = language_halves(corpus, params.chosen_by, params.tested_on, question.seed, question.inputs.name)
    run = _Run(question, asking, corpus, halves)
    firing = yield from run.count()
    run.choose(firing)
    yield from run.test()
    yield Result(run.result())


class _Run:
    """One run: its sequences, what was chosen, and what has been measured so far."""

    def __init__(self, question: Question, asking: TokenAsking, corpus: TokenCorpus, halves: LanguageHalves) -> None:
        self.params, self.seed, self.asking = question.params, question.seed, asking
        self.corpus, self.halves, self.lengths = corpus, halves, np.diff(corpus.starts)
        self.layers = neuron_layers(asking.model)
        self.firing_passes = FiringPasses(asking)
        self.held_out = np.concatenate(halves.held_out)
        language = np.repeat(np.arange(len(halves.languages)), [len(part) for part in halves.held_out])
        self.sequences = Sequences(language, self.lengths[self.held_out] - 1)
        self.taken = resampled(self.sequences, self.seed)
        count = len(halves.languages)
        self.rows: dict[str, np.ndarray] = {name: np.full((count, count), np.nan) for name in MEASURED}
        self.own: dict[str, np.ndarray] = {end: np.full(count, np.nan) for end in ("", "_low", "_high")}
        self.base_loss = np.full(count, np.nan)
        self.done = 0
        self.total = int(sum(self.lengths[part].sum() for part in halves.chosen))
        self.total += int(self.lengths[self.held_out].sum()) * (1 + count * (1 + self.params.draws))

    def count(self) -> Generator[Step, None, np.ndarray]:
        """Firing rates on the chosen half, float32 (neurons, languages)."""
        rates = []
        for items in self.halves.chosen:
            counts, seen = np.zeros(sum(layer.count for layer in self.layers), dtype=np.int64), 0
            for batch in batches(items, self.lengths, COUNTED_TOKENS):
                counts += self.firing_passes.counts(*padded(self.corpus, batch))
                seen += int((self.lengths[batch] - 1).sum())
                yield self._progress(batch)
            rates.append(counts / seen)
        return np.stack(rates, axis=1).astype(np.float32)

    def choose(self, firing: np.ndarray) -> None:
        """Choose neurons by their entropy; nothing held out is looked at."""
        self.firing = firing
        self.chosen: Chosen = language_specific(firing, self.params.share, self.params.quantile)

    def test(self) -> Iterator[Step]:
        """Measure the loss as it is, then without each language's neurons and without as many random ones."""
        base = yield from self._losses(None)
        self.base_loss = by_language(base, self.sequences, self.taken)[0]
        yield self._partial()
        generator = np.random.default_rng(self.seed + 1)
        free = np.logical_not(self.chosen.assigned.any(axis=1))
        for language in range(len(self.halves.languages)):
            neurons = self.chosen.assigned[:, language]
            own, controls = (yield from self._losses(neurons)), []
            for _ in range(self.params.draws):
                drawn = random_like(neurons, free, tuple(layer.count for layer in self.layers), generator)
                controls.append((yield from self._losses(drawn)))
            self._take(language, own - base, np.mean(controls, axis=0) - base)
            if language + 1 < len(self.halves.languages):
                yield self._partial()

    def _losses(self, neurons: np.ndarray | None) -> Generator[Step, None, np.ndarray]:
        """Summed loss of every held-out sequence, float64 (sequences,), some neurons switched off."""
        edits = [] if neurons is None else switched_off(self.asking.model, neurons)
        summed, place = np.zeros(len(self.held_out)), {int(item): at for at, item in enumerate(self.held_out)}
        for batch in batches(self.held_out, self.lengths, READ_TOKENS):
            found = losses(self.asking, *padded(self.corpus, batch), edits)
            summed[[place[int(item)] for item in batch]] = found
            yield self._progress(batch)
        return summed

    def _take(self, language: int, own: np.ndarray, control: np.ndarray) -> None:
        """Take the differences of one language's neurons and of the random ones, each (sequences,)."""
        drawn = by_language(own, self.sequences, self.taken), by_language(control, self.sequences, self.taken)
        for prefix, values in (("", drawn[0]), ("control", drawn[1])):
            found = interval(values)
            names = ("change", "low", "high") if not prefix else ("control", "control_low", "control_high")
            for name, value in zip(names, (found.value, found.low, found.high), strict=True):
                self.rows[name][language] = value
        specific = interval(own_less_others(drawn[0], language) - own_less_others(drawn[1], language))
        for end, value in zip(self.own, (specific.value, specific.low, specific.high), strict=True):
            self.own[end][language] = value

    def _progress(self, batch: np.ndarray) -> Progress:
        self.done += int(self.lengths[batch].sum())
        return Progress(min(self.done, self.total), self.total)

    def _partial(self) -> Partial:
        return Partial(self.result(), min(self.done, self.total), self.total)

    def result(self) -> LanguageNeurons:
        """A snapshot; arrays that go on growing are copied."""
        measured: dict[str, Any] = {name: values.copy() for name, values in self.rows.items()}
        specific: dict[str, Any] = {f"specificity{end}": values.copy() for end, values in self.own.items()}
        halves = (self.halves.chosen, self.halves.held_out)
        return LanguageNeurons(
            languages=self.halves.languages,
            layers=self.layers,
            firing=self.firing,
            entropy=self.chosen.entropy,
            bar=self.chosen.bar,
            assigned=self.chosen.assigned,
            base_loss=self.base_loss,
            **measured,
            **specific,
            tokens=np.stack([total_tokens(half, self.lengths) for half in halves]),
            gated=self.firing_passes.gated,
        )
