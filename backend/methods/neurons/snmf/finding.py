"""From a corpus to features: collect, factorise, read what they respond to and write, and hold them to texts not seen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from backend.data.corpora import text_corpus
from backend.methods.neurons.snmf.collecting import Samples, collected
from backend.methods.neurons.snmf.factorisation import Factors, amounts_for, explained, semi_nmf
from backend.methods.neurons.snmf_features import AFTER, BEFORE, TOP, SnmfFeatures
from backend.methods.neurons.weights.unembedding import readout, writes
from backend.methods.question import Corpus, Question
from backend.methods.steps import Partial, Progress, Result, Step

if TYPE_CHECKING:
    from backend.data.token_corpus import TokenCorpus
    from backend.engine.asking import TokenAsking

SHOWN_EVERY = 20  # iterations
HELD_OUT_ITERATIONS = 30


def find(question: Question, asking: TokenAsking, layer: str) -> Iterator[Step]:
    """The steps of `snmf_features`."""
    before, params = time.perf_counter(), question.params
    corpus: Any = question.inputs
    assert isinstance(corpus, Corpus)
    total = 2 * params.tokens + params.iterations
    fitted, held_out = yield from collected(asking, corpus, layer, params.tokens, total)
    read_out, texts = readout(asking.model), text_corpus(corpus, asking.model.tokenizer)
    for step, factors in enumerate(semi_nmf(fitted.activations, params.features, params.iterations, params.kept, question.seed)):
        done = 2 * params.tokens + step
        if step == params.iterations:
            shares = _held_out(held_out, factors, question.seed)
            seconds = time.perf_counter() - before
            yield Result(_features(asking, layer, fitted, factors, texts, read_out, shares, seconds))
        elif step % SHOWN_EVERY == SHOWN_EVERY - 1:
            seconds = time.perf_counter() - before
            unknown = (float("nan"), float("nan"))
            yield Partial(_features(asking, layer, fitted, factors, texts, read_out, unknown, seconds), done, total)
        else:
            yield Progress(done, total)


def _held_out(held_out: Samples, factors: Factors, seed: int) -> tuple[float, float]:
    """Share of activations not fitted that the features account for, and with each feature's neurons permuted."""
    draw = torch.Generator().manual_seed(seed)
    neurons = len(factors.features)
    orders = torch.stack([torch.randperm(neurons, generator=draw) for _ in range(factors.features.shape[1])], dim=1)
    shares = []
    for features in (factors.features, factors.features.gather(0, orders.to(factors.features.device))):
        amounts = amounts_for(held_out.activations, features, HELD_OUT_ITERATIONS)
        shares.append(explained(held_out.activations, features, amounts))
    return shares[0], shares[1]


def _features(
    asking: TokenAsking,
    layer: str,
    samples: Samples,
    factors: Factors,
    texts: TokenCorpus,
    read_out: Tensor,
    shares: tuple[float, float],
    seconds: float,
) -> SnmfFeatures:
    size = float(samples.activations.square().sum())
    strength = factors.features.square().sum(0) / size  # amounts have length 1
    order = strength.argsort(descending=True)
    features, amounts = factors.features[:, order], factors.amounts[:, order]
    direction = features.T.to(read_out) @ writes(asking.model, layer)  # (features, width)
    logits = direction @ read_out.T  # (features, vocabulary)
    windows, values, sources = _windows(amounts, samples, texts)
    top, bottom = logits.topk(TOP, dim=1), logits.topk(TOP, dim=1, largest=False)
    return SnmfFeatures(
        layer=layer,
        weights=_array(features.T),
        strength=_array(strength[order]),
        windows=windows,
        amounts=values,
        peak=BEFORE,
        sources=sources,
        direction=_array(direction),
        top_tokens=top.indices.int().cpu().numpy(),
        top_logits=_array(top.values),
        bottom_tokens=bottom.indices.int().cpu().numpy(),
        bottom_logits=_array(bottom.values),
        losses=np.array(factors.losses) / size,
        cuts=factors.cuts,
        explained=shares[0],
        control=shares[1],
        passes=asking.spent,
        seconds=seconds,
    )


def _array(values: Tensor) -> np.ndarray:
    return values.float().cpu().numpy()


def _windows(amounts: Tensor, samples: Samples, texts: TokenCorpus) -> tuple[np.ndarray, np.ndarray, tuple[tuple[str, ...], ...]]:
    """Tokens and amounts around the strongest places of each feature, at most one place a text, (features, TOP, window)."""
    known = amounts.float().cpu().numpy()
    row_of = {(int(item), int(place)): row for row, (item, place) in enumerate(zip(samples.items, samples.places, strict=True))}
    width = BEFORE + 1 + AFTER
    tokens = np.full((known.shape[1], TOP, width), -1, dtype=np.int32)
    values = np.full((known.shape[1], TOP, width), np.nan, dtype=np.float32)
    sources: list[tuple[str, ...]] = []
    for feature in range(known.shape[1]):
        rows = _strongest(known[:, feature], samples.items)
        for shown, row in enumerate(rows):
            item, peak = int(samples.items[row]), int(samples.places[row])
            text = texts.item(item)
            for column, place in enumerate(range(peak - BEFORE, peak + AFTER + 1)):
                if 0 <= place < len(text):
                    tokens[feature, shown, column] = text[place]
                    if (item, place) in row_of:
                        values[feature, shown, column] = known[row_of[item, place], feature]
        sources.append(tuple(texts.source(int(samples.items[row])) for row in rows))
    return tokens, values, tuple(sources)


def _strongest(amounts: np.ndarray, items: np.ndarray) -> list[int]:
    """The samples of the largest amounts, one a text."""
    found: dict[int, int] = {}
    for row in np.argsort(-amounts, kind="stable"):
        if amounts[row] <= 0 or len(found) == TOP:
            break
        found.setdefault(int(items[row]), int(row))
    return list(found.values())
