"""Activations of one layer over tokens drawn from a corpus, in two halves of different texts."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from backend.data.corpora import text_corpus
from backend.data.token_corpus import TokenCorpus
from backend.methods.params import ParameterError
from backend.methods.question import Corpus
from backend.methods.steps import Progress

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking


@dataclass(frozen=True)
class Samples:
    """activations: float64 (neurons, samples). items, places: int64 (samples,), the sequence and the token in it."""

    activations: Tensor
    items: np.ndarray
    places: np.ndarray


def collected(
    asking: TokenAsking, corpus: Corpus, layer: str, wanted: int, total: int
) -> Generator[Progress, None, tuple[Samples, Samples]]:
    """Samples to fit and samples held out, `wanted` of each at most, of different texts; `yield from` it.

    total: of the whole work, which is told with the tokens read. The first token of each sequence is left out: its
    activations are outliers whatever the text. Raises CorpusError; ParameterError where there are too few texts to part.
    """
    texts = text_corpus(corpus, asking.model.tokenizer)
    if len(texts) < 2:
        raise ParameterError(f"The corpus {corpus.name[:40]} has {len(texts)} sequence; features need at least 2.")
    found: tuple[list[tuple[Tensor, int]], list[tuple[Tensor, int]]] = ([], [])
    read = [0, 0]
    for number, item in enumerate(np.random.default_rng(asking.question.seed).permutation(len(texts))):
        half = number % 2
        if read[half] < wanted:
            values = _activations(asking, texts, int(item), layer)[: wanted - read[half]]  # (tokens − 1, neurons)
            found[half].append((values, int(item)))
            read[half] += len(values)
            yield Progress(sum(read), total)
        if min(read) >= wanted:
            break
    return _joined(found[0]), _joined(found[1])


def _activations(asking: TokenAsking, texts: TokenCorpus, item: int, layer: str) -> Tensor:
    tokens = torch.from_numpy(texts.item(item).astype(np.int64))[None]
    return asking.forward(tokens, logits="none", units=[layer]).units[layer][0, 1:].clone()


def _joined(found: list[tuple[Tensor, int]]) -> Samples:
    return Samples(
        torch.cat([values for values, _ in found]).double().T.contiguous(),
        np.concatenate([np.full(len(values), item) for values, item in found]),
        np.concatenate([np.arange(1, len(values) + 1) for values, _ in found]),
    )
