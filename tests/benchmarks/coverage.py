"""Does activation coverage tell strange inputs from familiar ones? `python -m tests.benchmarks.coverage --folder PHOTOS`.

Layers, steepness and filling are chosen on one half of the held-out samples and reported on the other: once on the strange
samples asked about, and once as the app does it, on scrambled copies of the familiar ones, without having seen what is asked
about. So is the direction in which brightness points. Printed whichever way it comes out.
"""

from __future__ import annotations

import argparse
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
from backend.methods.neurons.draw.coverage_choice import SHARES, STEEPNESSES, Setting, Trial, auroc, groups_of, scrambled
from backend.methods.neurons.draw.coverage_fit import Fitted, columns
from backend.methods.neurons.draw.coverage_states import Activity, activity, brightness
from backend.methods.question import ModelRef, Question, Weights
from backend.models.card import UnitLayer
from tests.benchmarks.hypotheses import chosen_photos
from tests.benchmarks.intervals import LEVEL

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


def in_words(setting: Setting, layers: tuple[UnitLayer, ...]) -> str:
    """A setting as a line says it."""
    names = [layers[number].name for number in setting.layers]
    shown = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    return f"{shown}, steepness {setting.steepness:g}, {100 * setting.share:g} % fill"


def chosen_on(built: Seen, familiar: Seen, strange: Mapping[str, Seen], layers: tuple[UnitLayer, ...]) -> Setting:
    """The setting that tells these samples apart best, mean over the kinds of strange ones."""
    products = {name: seen.products for name, seen in strange.items()}
    trial = Trial(built.products, familiar.products, products, layers, BINS)
    for _ in trial.run(STEEPNESSES, SHARES):
        pass
    return trial.best(groups_of(len(layers)))


def report(
    model: str, layers: tuple[UnitLayer, ...], built: Seen, familiar: Seen, scrambled_half: Mapping[str, Seen],
    strange: Mapping[str, Seen],
) -> Iterator[str]:  # fmt: skip
    """Lines for one model: for each kind of strange input, the settings chosen and the AUROC on the other half."""
    half = len(familiar.light) // 2
    chosen, kept = familiar.part(slice(0, half)), familiar.part(slice(half, None))
    yield f"\n{model}: {len(built.light)} samples build, {half} choose, {len(kept.light)} report; {BINS} intervals a unit."
    app = chosen_on(built, chosen, scrambled_half, layers)
    for name, odd in strange.items():
        other = odd.part(slice(half, None))
        best = chosen_on(built, chosen, {name: odd.part(slice(0, half))}, layers)
        yield f"  familiar against {name}"
        pairs = {}
        for what, setting in (("chosen on these", best), ("as the app chooses", app)):
            fitted = Fitted.of(built.products, layers, setting, BINS)
            found = [fitted.scores(columns(seen.products, layers, setting.layers)) for seen in (kept, other)]
            pairs[what] = (found[0], found[1])
            yield f"    coverage, {what:18s} {interval(*pairs[what])}   {in_words(setting, layers)}"
        softmax = (kept.confidence, other.confidence)
        sign = 1 if auroc(chosen.light, odd.part(slice(0, half)).light) >= 0.5 else -1
        yield f"    max-softmax                  {interval(*softmax)}"
        yield f"    brightness                   {interval(sign * kept.light, sign * other.light)}"
        for what, pair in pairs.items():
            yield f"    coverage, {what:18s} − max-softmax  {difference(pair, softmax)}"


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
    copies = {kind: reader.see(frames) for kind, frames in scrambled(held[: len(held) // 2, ..., None], SEED).items()}
    yield from report(model, reader.layers, built, reader.see(held[..., None]), copies, strange)


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
    copies = {kind: reader.see(frames) for kind, frames in scrambled(familiar[: len(familiar) // 2], SEED).items()}
    yield from report(model, reader.layers, reader.see(built), reader.see(familiar), copies, strange)


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
