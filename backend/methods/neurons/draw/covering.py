"""Builds the profile of a corpus and scores a sample on it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backend.data.corpora import corpora, corpus, image_corpus
from backend.data.frames import Preprocess
from backend.data.image_corpus import ImageCorpus
from backend.engine.asking import Asking
from backend.methods.neurons.activation_coverage import ActivationCoverage, Coverage
from backend.methods.neurons.coverage_profile import HELD_OUT_SHARE, CoverageProfile, CoverageProfileParams, layers_of
from backend.methods.neurons.draw.coverage_choice import SHARES, STEEPNESSES, Trial, auroc, groups_of, scrambled
from backend.methods.neurons.draw.coverage_fit import Fitted, columns
from backend.methods.neurons.draw.coverage_histogram import layer_scores, percentile
from backend.methods.neurons.draw.coverage_states import Activity, activity, brightness
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

    def parts(self, preprocess: Preprocess) -> Iterator[np.ndarray]:
        """What a model sees of them, `CHUNK` at a time, each uint8 (items, H, W, C)."""
        for start in range(0, len(self.items), CHUNK):
            yield self.frames(slice(start, start + CHUNK), preprocess)

    def frames(self, part: slice, preprocess: Preprocess) -> np.ndarray:
        """What a model sees of some of them, uint8 (items, H, W, C)."""
        return np.stack([self.pictures.frame(item, preprocess) for item in self.items[part]])


def chunks(frames: np.ndarray) -> Iterator[np.ndarray]:
    """Samples `CHUNK` at a time."""
    for start in range(0, len(frames), CHUNK):
        yield frames[start : start + CHUNK]


@dataclass
class Reader:
    """Passes samples through the model and counts them."""

    asking: Asking
    names: Sequence[str]
    total: int
    done: int = 0

    def read(self, parts: Iterable[np.ndarray]) -> Generator[Step, None, Activity]:
        """What coverage reads of samples that come in parts, progress before each."""
        found = []
        for frames in parts:
            yield Progress(self.done, self.total)
            found.append(activity(self.asking, frames, self.names))
            self.done += len(frames)
        return Activity(np.concatenate([part.products for part in found]), np.concatenate([part.confidence for part in found]))


def build(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield progress while samples pass and settings are tried, then the profile."""
    params: CoverageProfileParams = question.params
    assert isinstance(question.inputs, Corpus)
    layers, size = layers_of(params.layers, asking.model.card), asking.model.card.preprocess
    building, held_out = split(question.inputs, params.items)
    frames = held_out.frames(slice(None), size)
    copies = scrambled(frames, SEED)
    total = len(building.items) + (1 + len(copies)) * len(frames)
    reader = Reader(asking, [layer.name for layer in layers], total)
    built = yield from reader.read(building.parts(size))
    own = yield from reader.read(chunks(frames))
    odd = {}
    for kind, pictures in copies.items():
        odd[kind] = yield from reader.read(chunks(pictures))
    choosing, half = np.arange(0, len(frames), 2), np.arange(1, len(frames), 2)
    strange = {kind: seen.products[choosing] for kind, seen in odd.items()}
    trial = Trial(built.products, own.products[choosing], strange, layers, params.bins)
    steepnesses = (params.steepness,) if params.steepness else STEEPNESSES
    shares = (params.filled / 100,) if params.filled else SHARES
    for _ in trial.run(steepnesses, shares):
        yield Progress(total, total)
    groups = (tuple(range(len(layers))),) if params.layers.strip() else groups_of(len(layers))
    chosen = trial.best(groups)
    fitted = Fitted.of(built.products, layers, chosen, params.bins)
    scores = fitted.scores(columns(own.products[half], layers, chosen.layers))
    odd_scores = {kind: fitted.scores(columns(seen.products[half], layers, chosen.layers)) for kind, seen in odd.items()}
    yield Result(
        CoverageProfile(
            layers=fitted.layers,
            alphas=fitted.alphas,
            filled=fitted.filled,
            counts=fitted.counts.astype(np.int32),
            built=len(building.items),
            sources=(building.sources, held_out.sources),
            scores=scores,
            confidence=own.confidence[half],
            brightness=brightness(frames[half]),
            auroc={kind: auroc(scores, found) for kind, found in odd_scores.items()},
            auroc_confidence={kind: auroc(own.confidence[half], seen.confidence[half]) for kind, seen in odd.items()},
            passes=asking.spent,
        )
    )


def split(which: Corpus, count: int) -> tuple[Chosen, Chosen]:
    """About `count` items that build and half as many that are held out, no photo in both. Raises CorpusError.

    Where the corpus has no held-out part of its own, one photo in three is held out.
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
    fitted = Fitted(profile.layers, profile.alphas, profile.filled, profile.counts)
    covered = fitted.coverage(found.products)
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
            auroc=profile.auroc,
            auroc_confidence=profile.auroc_confidence,
            passes=asking.spent,
        )
    )
