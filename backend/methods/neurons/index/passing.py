"""A batch of the corpus through the model, its units' values handed to the collector."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from backend.data.corpora import image_corpus, text_corpus
from backend.data.image_corpus import ImageCorpus
from backend.data.token_corpus import TokenCorpus
from backend.engine.asking import Asking, TokenAsking
from backend.methods.neurons.index.collector import Batch, Collector
from backend.methods.question import Corpus
from backend.methods.steps import Progress

TEXT_ROWS, TOKENS = 8, 384  # a step of at most half a second, so that no click waits longer
IMAGE_ROWS = 8
LOOK_SECONDS = 0.05


class Source(Protocol):
    """A corpus as one model is shown it.

    lengths: positions of each item, int64 (items,). windowed: whether values around a peak are worth keeping.
    """

    lengths: np.ndarray
    rows: int
    positions: int
    windowed: bool

    def show(self, items: np.ndarray, number: int, collector: Collector) -> None: ...


class _Halved(Exception):
    """Memory ran out in the middle of a pass, and its rows come in parts now."""


class Texts:
    """Sequences of tokens. The first position of each is an outlier whatever the text, so it does not count."""

    windowed, rows, positions = True, TEXT_ROWS, TOKENS

    def __init__(self, corpus: TokenCorpus, asking: TokenAsking) -> None:
        self.corpus = corpus
        self.asking = asking
        self.lengths = np.diff(corpus.starts)

    def show(self, items: np.ndarray, number: int, collector: Collector) -> None:
        """Pass the items, int64 (rows,), the first of them `number` in the plan's order."""
        lengths = [int(length) for length in self.lengths[items]]
        tokens = torch.zeros(len(items), max(lengths), dtype=torch.int64)
        for row, item in enumerate(items):
            tokens[row, : lengths[row]] = torch.from_numpy(self.corpus.item(int(item)).astype(np.int64))
        batch = Batch([int(item) for item in items], number, lengths, skip=1)
        self._pass(tokens, batch, collector, frozenset())

    def _pass(self, tokens: Tensor, batch: Batch, collector: Collector, seen: frozenset[str]) -> None:
        """Pass rows whose layers in `seen` are collected already; in halves where they do not fit in memory."""
        done = set(seen)

        def visit(layer: str, values: Tensor) -> None:
            if layer in done:
                return
            if len(values) != len(tokens):
                raise _Halved
            collector.add(layer, values, batch)
            done.add(layer)

        assert batch.lengths is not None
        keep = torch.arange(tokens.shape[1]) < torch.tensor(batch.lengths)[:, None]
        try:
            self.asking.forward(
                tokens, keep=None if bool(keep.all()) else keep, logits="none", units=list(self.asking.model.units), visit=visit
            )
        except _Halved:
            done -= collector.forget_waiting()
            middle = len(tokens) // 2
            for half in (slice(0, middle), slice(middle, len(tokens))):
                self._pass(tokens[half], batch.part(half), collector, frozenset(done))


class Pictures:
    """Pictures of an image model; every cell of a layer's map counts."""

    windowed, rows, positions = False, IMAGE_ROWS, IMAGE_ROWS

    def __init__(self, corpus: ImageCorpus, asking: Asking) -> None:
        self.corpus = corpus
        self.asking = asking
        self.lengths = np.ones(len(corpus), np.int64)

    def show(self, items: np.ndarray, number: int, collector: Collector) -> None:
        """Pass the items, int64 (rows,), the first of them `number` in the plan's order."""
        preprocess = self.asking.model.card.preprocess
        rows = torch.stack([self.asking.tensor(self.corpus.frame(int(item), preprocess)) for item in items])
        record = self.asking.forward(rows, units=list(self.asking.model.units))
        batch = Batch([int(item) for item in items], number, None, skip=0)
        with torch.inference_mode():
            for layer, values in record.units.items():
                collector.add(layer, values, batch)


def source(corpus: Corpus, asking: Asking | TokenAsking, planned: int) -> Iterator[Progress | Source]:
    """Progress while the corpus is read and cut into tokens, beside the engine's thread, then the source. Raises CorpusError."""
    if isinstance(asking, Asking):
        yield Pictures(image_corpus(corpus), asking)
        return
    with ThreadPoolExecutor(1, "corpus") as beside:
        future = beside.submit(text_corpus, corpus, asking.model.tokenizer)
        while wait([future], timeout=LOOK_SECONDS).not_done:
            yield Progress(0, planned)
        yield Texts(future.result(), asking)
