"""Does activation coverage tell strange inputs from familiar ones? `python -m tests.benchmarks.coverage --folder PHOTOS`.

Layers, alpha and filling are chosen on one half of the held-out samples and reported on the other, as is the direction in
which brightness points. Printed whichever way it comes out.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Picture

import backend
from backend.data import digits, images
from backend.data.frames import frame
from backend.engine.asking import Asking
from backend.engine.workshop import Workshop
from backend.methods.neurons.draw.coverage_histogram import counted, coverage, states
from backend.methods.neurons.draw.coverage_states import Activity, activity, brightness
from backend.methods.question import ModelRef, Question, Weights
from backend.models.card import UnitLayer
from tests.benchmarks.hypotheses import chosen_photos
from tests.benchmarks.intervals import LEVEL

ALPHAS = (1.0, 10.0, 100.0, 1e3, 1e4, 1e5)
FILLED = (1, 5, 20)
BINS, CHUNK, SEED, DRAWS = 50, 16, 0, 2000
EXPECTED = 0.95  # stated before the first run, for shuffled digits


@dataclass(frozen=True)
class Seen:
    """Samples as the model took them. products: (samples, units); confidence, light: (samples,)."""

    products: np.ndarray
    confidence: np.ndarray
    light: np.ndarray

    def part(self, rows: slice) -> Seen:
        """Some of the samples."""
        return Seen(self.products[rows], self.confidence[rows], self.light[rows])


@dataclass(frozen=True)
class Setting:
    """One way to make a histogram."""

    layers: tuple[str, ...]
    alpha: float
    filled: int

    def __str__(self) -> str:
        return f"{'+'.join(self.layers)}, alpha {self.alpha:g}, filled at {self.filled}"


def auroc(familiar: np.ndarray, strange: np.ndarray) -> float:
    """The probability that a familiar sample scores higher than a strange one, ties counted half."""
    both = np.concatenate([familiar, strange])
    _, inverse, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    count = len(familiar)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(strange)))


def interval(familiar: np.ndarray, strange: np.ndarray) -> str:
    """The AUROC with its percentile bootstrap interval, both sides drawn with replacement."""
    generator = np.random.default_rng(SEED)
    drawn = [auroc(generator.choice(familiar, len(familiar)), generator.choice(strange, len(strange))) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return f"{auroc(familiar, strange):.3f}  [{low:.3f}, {high:.3f}]"


def difference(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> str:
    """The AUROC of one score minus that of another on the same samples, with its paired bootstrap interval."""
    generator, found = np.random.default_rng(SEED), []
    for _ in range(DRAWS):
        one = generator.integers(0, len(first[0]), len(first[0]))
        two = generator.integers(0, len(first[1]), len(first[1]))
        found.append(auroc(first[0][one], first[1][two]) - auroc(second[0][one], second[1][two]))
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return f"{auroc(*first) - auroc(*second):+.3f}  [{low:+.3f}, {high:+.3f}]"


def columns(layers: tuple[UnitLayer, ...], names: tuple[str, ...]) -> list[np.ndarray]:
    """Where the units of some layers stand among all."""
    ends = np.cumsum([layer.count for layer in layers])
    return [np.arange(end - layer.count, end) for layer, end in zip(layers, ends, strict=True) if layer.name in names]


def scores(seen: Seen, built: np.ndarray, setting: Setting, layers: tuple[UnitLayer, ...]) -> np.ndarray:
    """Coverage of samples on the histogram of `built` products, mean over units and then over layers, (samples,)."""
    found = []
    for own in columns(layers, setting.layers):
        counts = counted(states(built[:, own], setting.alpha), BINS)
        found.append(coverage(states(seen.products[:, own], setting.alpha), counts, setting.filled).mean(axis=1))
    return np.mean(found, axis=0)


def settings(layers: tuple[UnitLayer, ...]) -> Iterator[Setting]:
    """What is chosen among: each layer, the last quarter, the last half and all of them, by alpha and filling."""
    names = tuple(layer.name for layer in layers)
    groups = {(name,) for name in names} | {names[-max(1, len(names) // share) :] for share in (4, 2, 1)}
    for group, alpha, filled in itertools.product(sorted(groups), ALPHAS, FILLED):
        yield Setting(group, alpha, filled)


def report(model: str, layers: tuple[UnitLayer, ...], built: Seen, familiar: Seen, strange: Mapping[str, Seen]) -> Iterator[str]:
    """Lines for one model: for each kind of strange input, the setting chosen and the AUROC on the other half."""
    half = len(familiar.light) // 2
    chosen, kept = familiar.part(slice(0, half)), familiar.part(slice(half, None))
    yield f"\n{model}: {len(built.light)} samples build, {half} choose, {len(kept.light)} report; {BINS} intervals a unit."
    all_settings = list(settings(layers))
    table = np.array([
        [auroc(scores(chosen, built.products, s, layers), scores(odd.part(slice(0, half)), built.products, s, layers))
         for odd in strange.values()] for s in all_settings
    ])  # fmt: skip
    default = Setting(tuple(x.name for x in layers[-max(1, len(layers) // 4) :]), 100.0, 5)
    together = all_settings[int(table.mean(axis=1).argmax())]
    for column, (name, odd) in enumerate(strange.items()):
        other = odd.part(slice(half, None))
        best = all_settings[int(table[:, column].argmax())]
        yield f"  familiar against {name}"
        pairs = {}
        for what, setting in (("chosen for it", best), ("chosen for all", together), ("the app's default", default)):
            pairs[what] = (scores(kept, built.products, setting, layers), scores(other, built.products, setting, layers))
            yield f"    coverage, {what:18s} {interval(*pairs[what])}   {setting}"
        softmax = (kept.confidence, other.confidence)
        sign = 1 if auroc(chosen.light, odd.part(slice(0, half)).light) >= 0.5 else -1
        yield f"    max-softmax                  {interval(*softmax)}"
        yield f"    brightness                   {interval(sign * kept.light, sign * other.light)}"
        yield f"    coverage chosen for all − max-softmax  {difference(pairs['chosen for all'], softmax)}"


class Reader:
    """Passes frames through one model and keeps what coverage reads of every layer."""

    def __init__(self, model: str) -> None:
        question = Question("receptive_field", ModelRef(model), Weights(), None)
        self.asking = Asking(question, Workshop("cpu"))
        self.layers = self.asking.model.card.units

    def see(self, frames: np.ndarray) -> Seen:
        """uint8 (samples, H, W, C) as the model takes them."""
        names = [layer.name for layer in self.layers]
        parts: list[Activity] = [activity(self.asking, frames[i : i + CHUNK], names) for i in range(0, len(frames), CHUNK)]
        confidence = np.concatenate([part.confidence for part in parts])
        return Seen(np.concatenate([part.products for part in parts]), confidence, brightness(frames))


def of_digits(model: str) -> Iterator[str]:
    """Held-out digits against the same digits with their pixels shuffled, and inverted."""
    reader, generator = Reader(model), np.random.default_rng(SEED)
    held = digits.held_out().pixels[generator.permutation(digits.HELD_OUT)]
    shuffled = np.stack([generator.permutation(picture.ravel()).reshape(8, 8) for picture in held])
    strange = {"shuffled digits": reader.see(shuffled[..., None]), "inverted digits": reader.see(255 - held[..., None])}
    built = reader.see(digits.training().pixels[..., None])
    yield from report(model, reader.layers, built, reader.see(held[..., None]), strange)


def of_photos(folder: Path, count: int, model: str = "efficientnet-lite0") -> Iterator[str]:
    """Photos against noise images and against digits blown up."""
    reader, generator = Reader(model), np.random.default_rng(SEED)
    size = reader.asking.model.card.preprocess
    paths = chosen_photos(folder, count)
    photos = np.stack([frame(images.decode(path.name, path.read_bytes()), size) for path in paths])
    photos = photos[generator.permutation(len(photos))]
    built, familiar = photos[: len(photos) // 2], photos[len(photos) // 2 :]
    noise = generator.integers(0, 256, familiar.shape, dtype=np.uint8)
    blown = np.stack([_blown_up(picture, size.height) for picture in digits.held_out().pixels[: len(familiar)]])
    strange = {"noise images": reader.see(noise), "digits blown up": reader.see(blown)}
    yield from report(model, reader.layers, reader.see(built), reader.see(familiar), strange)


def _blown_up(digit: np.ndarray, side: int) -> np.ndarray:
    large = np.asarray(Picture.fromarray(digit).resize((side, side), Picture.Resampling.BICUBIC))
    return np.repeat(large[..., None], 3, axis=2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="photos, one a file; without it only the digits models are measured")
    parser.add_argument("--count", type=int, default=240, help="how many of them")
    given = parser.parse_args()
    print(f"AUROC with {100 * LEVEL:.0f} % bootstrap intervals ({DRAWS:,} draws), {backend.__name__} on the CPU, seed {SEED}.")
    print(f"Expected beforehand: shuffled digits at least {EXPECTED}, and above max-softmax.")
    for model in ("digits-cnn", "digits-vit"):
        for line in of_digits(model):
            print(line, flush=True)
    if given.folder:
        for line in of_photos(given.folder, given.count):
            print(line, flush=True)


if __name__ == "__main__":
    main()
