"""Chooses what coverage looks at with no strange data at hand: what tells samples best from scrambled copies of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from backend.methods.neurons.draw.coverage_histogram import alphas_of, counted, coverage, states
from backend.models.card import UnitLayer

STEEPNESSES = (1.0, 3.0, 10.0, 30.0, 100.0)  # over a layer's root mean square pull
SHARES = (0.005, 0.014, 0.05, 0.15)  # of the samples that fill an interval
PATCHES = 4  # a side, of the copies whose patches change places
Key = tuple[int, float, float]


@dataclass(frozen=True)
class Setting:
    """What coverage looks at: layers by number, the sigmoid's steepness over a layer's pull, and the share that fills."""

    layers: tuple[int, ...]
    steepness: float
    share: float


@dataclass
class Trial:
    """Scores of every layer under every setting, as they are worked out.

    built, familiar: products (samples, units). strange: products by kind of scrambling. layers: of the products' columns.
    """

    built: np.ndarray
    familiar: np.ndarray
    strange: Mapping[str, np.ndarray]
    layers: Sequence[UnitLayer]
    bins: int
    scores: dict[Key, list[np.ndarray]] = field(default_factory=dict)

    def run(self, steepnesses: Sequence[float], shares: Sequence[float]) -> Iterator[None]:
        """Score layer by layer, a pause after each."""
        ends = np.cumsum([layer.count for layer in self.layers])
        for number, (layer, end) in enumerate(zip(self.layers, ends, strict=True)):
            own = slice(end - layer.count, end)
            for steepness in steepnesses:
                alphas = alphas_of(self.built[:, own], [layer], steepness)
                counts = counted(states(self.built[:, own], alphas, [layer]), self.bins)
                found = [states(part[:, own], alphas, [layer]) for part in (self.familiar, *self.strange.values())]
                for share in shares:
                    filled = samples_of(share, len(self.built))
                    self.scores[number, steepness, share] = [coverage(part, counts, filled).mean(axis=1) for part in found]
            yield

    def best(self, groups: Sequence[tuple[int, ...]]) -> Setting:
        """The setting whose scores tell samples from their copies best, mean over the kinds; the first of equals."""
        settings = {(steepness, share) for _, steepness, share in self.scores}
        found = [(self._value(group, *pair), Setting(group, *pair)) for group in groups for pair in sorted(settings)]
        return max(found, key=lambda item: item[0])[1]

    def _value(self, group: tuple[int, ...], steepness: float, share: float) -> float:
        parts = [self.scores[number, steepness, share] for number in group]
        familiar, *strange = (np.mean([part[kind] for part in parts], axis=0) for kind in range(1 + len(self.strange)))
        return float(np.mean([auroc(familiar, odd) for odd in strange]))


def groups_of(count: int) -> tuple[tuple[int, ...], ...]:
    """Layers that are tried together, by number: all, the last half and quarter, and each of the last two alone."""
    numbers = tuple(range(count))
    tried = (numbers, numbers[-max(1, count // 2) :], numbers[-max(1, count // 4) :], numbers[-2:-1], numbers[-1:])
    return tuple(dict.fromkeys(group for group in tried if group))


def samples_of(share: float, built: int) -> int:
    """How many of the samples that build fill an interval, at least one."""
    return max(1, round(share * built))


def scrambled(frames: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Copies of samples, uint8 (samples, H, W, C), with pixels and with patches in another order: what no one would draw."""
    generator = np.random.default_rng(seed)
    count, height, width, channels = frames.shape
    pixels = frames.reshape(count, height * width, channels)
    mixed = np.stack([own[generator.permutation(height * width)] for own in pixels]).reshape(frames.shape)
    tall, wide = height // PATCHES, width // PATCHES
    moved = frames.copy()
    inner = moved[:, : tall * PATCHES, : wide * PATCHES]
    patches = inner.reshape(count, PATCHES, tall, PATCHES, wide, channels).transpose(0, 1, 3, 2, 4, 5)
    patches = patches.reshape(count, PATCHES**2, tall, wide, channels)
    patches = np.stack([own[generator.permutation(PATCHES**2)] for own in patches])
    patches = patches.reshape(count, PATCHES, PATCHES, tall, wide, channels).transpose(0, 1, 3, 2, 4, 5)
    moved[:, : tall * PATCHES, : wide * PATCHES] = patches.reshape(inner.shape)
    return {"pixels": mixed, "patches": moved}


def auroc(familiar: np.ndarray, strange: np.ndarray) -> float:
    """The probability that a familiar sample scores higher than a strange one, ties counted half."""
    _, inverse, counts = np.unique(np.concatenate([familiar, strange]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    count = len(familiar)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(strange)))
