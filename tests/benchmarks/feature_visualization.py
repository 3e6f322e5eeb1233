"""Do drawn pictures excite channels beyond photos? `python -m tests.benchmarks.feature_visualization --folder PHOTOS`.

For channels drawn at random over all layers: the mean activation of the picture over 16 held-out transformations against
the 99.9th percentile of the same channel's mean activation over the photos, which are read as they are. Printed whichever
way it comes out, with what a step costs beside a bare pass forward and backward to the same layer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from backend.data import images
from backend.data.frames import frame
from backend.engine.asking import Asking
from backend.engine.workshop import Workshop
from backend.methods.neurons.draw.drawing import _aim, _start, draw
from backend.methods.neurons.feature_visualization import NOISE, OTHER, FeaturePicture, FeatureVisualization
from backend.methods.neurons.unit import Unit, unit_at
from backend.methods.question import ModelRef, Question, Weights
from backend.methods.steps import Result
from tests.benchmarks.hypotheses import chosen_photos
from tests.benchmarks.intervals import bootstrap_mean
from tests.benchmarks.timing import interleaved

MODEL, SEED, CHUNK, QUANTILE = "efficientnet-lite0", 0, 8, 0.999
TIMED_STEPS = 4


@dataclass(frozen=True)
class Compared:
    """One channel: what its picture gives, and the quantile and the largest of the photos' means; the same for peaks."""

    unit: Unit
    found: FeaturePicture
    quantile: float
    best: float
    best_peak: float


def chosen_channels(asking: Asking, count: int) -> list[Unit]:
    """Channels drawn evenly over layers, so that no wide layer outweighs the others."""
    generator, layers = np.random.default_rng(SEED), asking.model.card.units
    where = np.linspace(0, len(layers) - 1, count).round().astype(int)
    before = np.cumsum([0, *(layer.count for layer in layers)])
    return [unit_at(int(before[index] + generator.integers(layers[index].count)), layers) for index in where]


def over_photos(asking: Asking, photos: list[Path], units: list[Unit]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and largest activation of each channel in each photo, (photos, units) both."""
    size, names = asking.model.card.preprocess, sorted({unit.layer for unit in units})
    means, peaks = [], []
    for start in range(0, len(photos), CHUNK):
        frames = [frame(images.decode(path.name, path.read_bytes()), size) for path in photos[start : start + CHUNK]]
        record = asking.forward(torch.stack([asking.tensor(pixels) for pixels in frames]), units=names)
        values = torch.stack([record.units[unit.layer][..., unit.index].mean(dim=1) for unit in units], dim=1)
        means.append(values.numpy())
        peaks.append(torch.stack([record.units[unit.layer][..., unit.index].amax(dim=1) for unit in units], dim=1).numpy())
    return np.concatenate(means), np.concatenate(peaks)


def compared(asking: Asking, photos: list[Path], units: list[Unit], iterations: int) -> Iterator[Compared]:
    """Each channel drawn and compared."""
    means, peaks = over_photos(asking, photos, units)
    for column, unit in enumerate(units):
        params = FeatureVisualization(unit.layer, unit.index, iterations=iterations)
        own = Asking(asking.question.asking(params=params), asking.workshop)
        found = next(step.value for step in draw(own.question, own) if isinstance(step, Result))
        quantile = float(np.quantile(means[:, column], QUANTILE))
        yield Compared(unit, found, quantile, float(means[:, column].max()), float(peaks[:, column].max()))


def line(item: Compared) -> str:
    """One channel's row."""
    found = item.found
    if found.blank:
        return f"{item.unit.text:16s} {found.blank}"
    controls = "  ".join(f"{found.controls[name].mean():8.2f}" if name in found.controls else " " * 8 for name in (NOISE, OTHER))
    won = "yes" if found.mean > item.quantile else "no"
    return (
        f"{item.unit.text:16s} {found.mean:9.2f} ± {found.held_out.std():6.2f}  {item.quantile:9.2f}  {won:4s} {found.peak:9.2f}"
        f"  {item.best_peak:9.2f}  {controls}  {found.seconds:6.1f}"
    )


def summary(items: list[Compared]) -> Iterator[str]:
    """Shares over channels, with intervals."""
    drawn = [item for item in items if not item.found.blank]
    won = [float(item.found.mean > item.quantile) for item in drawn]
    peak = [float(item.found.peak > item.best_peak) for item in drawn]
    other = [float(item.found.mean > item.found.controls[OTHER].mean()) for item in drawn if OTHER in item.found.controls]
    noise = [float(item.found.mean > item.found.controls[NOISE].mean()) for item in drawn]
    yield f"share of {len(drawn)} drawn channels (of {len(items)}) whose picture gives more on held-out transformations than"
    for what, values in (
        ("the photos' 99.9th percentile", won), ("the photos' largest cell, by its largest cell", peak),
        ("another channel's picture", other), ("random noise", noise),
    ):  # fmt: skip
        found = bootstrap_mean(values, SEED)
        yield f"  {what:46s} {found.mean:.2f}  [{found.low:.2f}, {found.high:.2f}]"


def costs(asking: Asking, repetitions: int) -> Iterator[str]:
    """What a step costs beside one bare forward and backward pass to the same layer, and one to the logits."""
    size = asking.model.card.preprocess
    row = torch.randn(1, size.channels, size.height, size.width, generator=torch.Generator().manual_seed(SEED))
    for layer in ("blocks.4", "blocks.10", "head"):
        params = FeatureVisualization(layer=layer)
        aim = _aim(asking, params)
        ascent, _ = _start(asking, aim, params, SEED, 0)
        series = interleaved(
            {
                "step": lambda ascent=ascent: [ascent.step() for _ in range(TIMED_STEPS)] and None,
                "bare": lambda aim=aim: [asking.climb(row, aim.layer, aim.uphill) for _ in range(TIMED_STEPS)] and None,
                "whole": lambda: [asking.gradient(row, lambda logits: logits[:, 0]) for _ in range(TIMED_STEPS)] and None,
            },
            repetitions,
        )
        step, bare, whole = (np.median(series[name].cpu) / TIMED_STEPS for name in ("step", "bare", "whole"))
        to_layer, to_logits = (f"{1e3 * other:6.1f} ms ({step / other:.2f}×)" for other in (bare, whole))
        yield f"  {layer:10s} step {1e3 * step:6.1f} ms CPU; bare pass there and back {to_layer}, to the logits {to_logits}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, required=True, help="photos, one a file; at least 240 for the percentile to mean much"
    )
    parser.add_argument("--count", type=int, default=240, help="how many of them")
    parser.add_argument("--channels", type=int, default=20)
    parser.add_argument("--iterations", type=int, default=FeatureVisualization().iterations)
    parser.add_argument("--repetitions", type=int, default=9, help="of the timing; 0 leaves it out")
    given = parser.parse_args()
    asking = Asking(Question("feature_visualization", ModelRef(MODEL), Weights(), FeatureVisualization()), Workshop("cpu"))
    photos, units = chosen_photos(given.folder, given.count), chosen_channels(asking, given.channels)
    print(f"{MODEL}, {len(units)} channels evenly over layers (seed {SEED}), {given.iterations} steps, {len(photos)} photos of")
    print(
        f"{given.folder.name}/; objective: the channel's mean over positions. Largest cells are means over the transformations."
    )
    titles = ("picture", "99.9 % of", "more", "its cell", "photos’", "noise", "other", "s")
    print(f"{'channel':16s} {titles[0]:>18s}  {titles[1]:>9s}  {titles[2]:4s} {titles[3]:>9s}  {titles[4]:>9s}", end="")
    print("".join(f"  {title:>8s}" for title in titles[5:]))
    started, items = time.perf_counter(), []
    for item in compared(asking, photos, units, given.iterations):
        items.append(item)
        print(line(item), flush=True)
    for text in summary(items):
        print(text)
    print(f"{time.perf_counter() - started:.0f} s in all")
    if given.repetitions:
        print(f"cost of a step, {given.repetitions} interleaved repetitions, torch on {torch.get_num_threads()} threads")
        for text in costs(asking, given.repetitions):
            print(text)


if __name__ == "__main__":
    main()
