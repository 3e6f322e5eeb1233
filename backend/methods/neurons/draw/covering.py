"""Builds the profile of a corpus and scores a sample on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backend.data.corpora import corpora, corpus, image_corpus
from backend.data.frames import Preprocess
from backend.data.image_corpus import ImageCorpus
from backend.engine.asking import Asking
from backend.methods.neurons.activation_coverage import ActivationCoverage, Coverage
from backend.methods.neurons.coverage_profile import HELD_OUT_SHARE, CoverageProfile, CoverageProfileParams, layers_of
from backend.methods.neurons.draw.coverage_histogram import counted, coverage, layer_scores, percentile, states
from backend.methods.neurons.draw.coverage_states import activity, brightness
from backend.methods.params import ParameterError
from backend.methods.question import Corpus, Question
from backend.methods.steps import Progress, Result, Step

CHUNK = 8  # samples a step
SEED = 0
HELD_OUT_OF = {"digits": "digits-held-out"}  # corpora whose held-out part is a corpus of its own


@dataclass(frozen=True)
class Chosen:
    """Items of a corpus by number."""

    pictures: ImageCorpus
    items: Sequence[int]

    @property
    def sources(self) -> int:
        """How many photos they come from."""
        return len({self.pictures.source(item) for item in self.items})

    def frames(self, part: slice, preprocess: Preprocess) -> np.ndarray:
        """What a model sees of some of them, uint8 (items, H, W, C)."""
        return np.stack([self.pictures.frame(item, preprocess) for item in self.items[part]])


def build(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield progress while samples pass, then the profile."""
    params: CoverageProfileParams = question.params
    assert isinstance(question.inputs, Corpus)
    layers, size = layers_of(params.layers, asking.model.card), asking.model.card.preprocess
    building, held_out = split(question.inputs, params.items)
    names = [layer.name for layer in layers]
    total = len(building.items) + len(held_out.items)
    counts = np.zeros((params.bins, sum(layer.count for layer in layers)), np.int64)
    yield Progress(0, total)
    for start in range(0, len(building.items), CHUNK):
        found = activity(asking, building.frames(slice(start, start + CHUNK), size), names)
        counts += counted(states(found.products, params.alpha), params.bins)
        yield Progress(min(start + CHUNK, len(building.items)), total)
    scores, confidence, light = [], [], []
    for start in range(0, len(held_out.items), CHUNK):
        frames = held_out.frames(slice(start, start + CHUNK), size)
        found = activity(asking, frames, names)
        covered = coverage(states(found.products, params.alpha), counts, params.filled)
        scores.append(layer_scores(covered, layers).mean(axis=1))
        confidence.append(found.confidence)
        light.append(brightness(frames))
        yield Progress(min(len(building.items) + start + CHUNK, total), total)
    yield Result(
        CoverageProfile(
            layers=layers,
            alpha=params.alpha,
            filled=params.filled,
            counts=counts.astype(np.int32),
            built=len(building.items),
            held_out=len(held_out.items),
            sources=(building.sources, held_out.sources),
            scores=np.concatenate(scores),
            confidence=np.concatenate(confidence),
            brightness=np.concatenate(light),
            passes=asking.spent,
        )
    )


def split(which: Corpus, count: int) -> tuple[Chosen, Chosen]:
    """About `count` items that build and a quarter as many that are held out, no photo in both. Raises CorpusError.

    Where the corpus has no held-out part of its own, one photo in five is held out.
    """
    pictures = image_corpus(which)
    if which.name in HELD_OUT_OF:
        apart = image_corpus(corpus(HELD_OUT_OF[which.name]))
        return _spread(pictures, np.arange(len(pictures)), count), _spread(apart, np.arange(len(apart)), count // HELD_OUT_SHARE)
    sources = [pictures.source(item) for item in range(len(pictures))]
    names = sorted(set(sources))
    order = np.random.default_rng(SEED).permutation(len(names))
    kept = {names[index] for index in order[: max(1, len(names) // (HELD_OUT_SHARE + 1))]}
    if len(names) < 2:
        raise ParameterError(f"The corpus {which.name[:40]} has {len(names)} source; at least 2 are needed to hold one out.")
    held = np.array([source in kept for source in sources])
    return _spread(pictures, np.flatnonzero(~held), count), _spread(pictures, np.flatnonzero(held), count // HELD_OUT_SHARE)


def _spread(pictures: ImageCorpus, items: np.ndarray, count: int) -> Chosen:
    drawn = np.random.default_rng(SEED).permutation(items)[:count]
    return Chosen(pictures, [int(item) for item in np.sort(drawn)])


def cover(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield the profile's progress, then how familiar the question's sample is."""
    params: ActivationCoverage = question.params
    name = params.corpus or corpora(question.model.name)[0].name
    asked = question.asking(method="coverage_profile", inputs=corpus(name), params=params.profile, target=None, seed=0)
    profile: CoverageProfile = yield from asking.answer(asked)
    frames = asking.frame[None]
    found = activity(asking, frames, [layer.name for layer in profile.layers])
    covered = coverage(states(found.products, profile.alpha), profile.counts, profile.filled)
    layers = layer_scores(covered, profile.layers)[0]
    score, confidence, light = float(layers.mean()), float(found.confidence[0]), float(brightness(frames)[0])
    yield Result(
        Coverage(
            score=score,
            percentile=percentile(score, profile.scores),
            by_layer={layer.name: float(value) for layer, value in zip(profile.layers, layers, strict=True)},
            confidence=confidence,
            confidence_percentile=percentile(confidence, profile.confidence),
            brightness=light,
            brightness_percentile=percentile(light, profile.brightness),
            coverage=covered[0],
            layers=profile.layers,
            held_out=profile.scores,
            built=profile.built,
            sources=profile.sources,
            corpus=name,
            passes=asking.spent,
        )
    )
