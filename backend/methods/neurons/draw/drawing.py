"""Draws a unit: starts where there is a gradient, climbs, keeps the best frame, measures it and its controls."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from backend.data.framed import framed
from backend.data.samples import Sample, sample_image, samples
from backend.engine.asking import Asking
from backend.methods.neurons.draw.aim import Aim, aim_of, layer_of
from backend.methods.neurons.draw.ascent import Ascent
from backend.methods.neurons.draw.measuring import CHOOSING_SEED, HELD_OUT_SEED, measured, moves, noise
from backend.methods.neurons.draw.parametrisations import FourierPicture, PhasePicture, Picture, magnitudes
from backend.methods.neurons.feature_visualization import (
    CHECKED_EVERY,
    CHOOSING,
    HELD_OUT,
    NOISE,
    OTHER,
    SMALL,
    STARTS,
    TRIAL,
    FeaturePicture,
    FeatureVisualization,
)
from backend.methods.question import Question
from backend.methods.steps import Partial, Progress, Result, Step

SNAPSHOT_SECONDS = 0.15
OTHERS = 4  # units tried before a drawing goes without its control
FAINT, STRONG = 0.01, 1.0  # amplitudes of the pictures to start from: nearly grey, then full of contrast


@dataclass
class Best:
    """The best frame so far under the choosing transformations, and the iteration it is of."""

    frame: np.ndarray
    at: int = 0
    score: float = -np.inf


@dataclass
class Drawing:
    """One unit being drawn. origin: the photo it starts from, where no random picture woke the unit."""

    asking: Asking
    aim: Aim
    params: FeatureVisualization
    ascent: Ascent
    best: Best
    origin: str = ""
    started: float = field(default_factory=time.perf_counter)

    def run(self) -> Iterator[None]:
        """Climb to the last iteration, looking for the best frame on the way."""
        size = self.asking.model.card.preprocess
        choosing = moves(CHOOSING, CHOOSING_SEED, size.height, size.width) if self.params.transformations else None
        for iteration in range(1, self.params.iterations + 1):
            self.ascent.step()
            if iteration % CHECKED_EVERY == 0 or iteration == self.params.iterations:
                frame = self.ascent.frame()
                score = self.aim.sign * float(measured(self.asking, self.aim, frame[None], choosing).scores.mean())
                if score > self.best.score:
                    self.best = Best(frame, iteration, score)
            yield

    def snapshot(self, note: str = "") -> FeaturePicture:
        """What stands now: the best frame if one is known, else the latest."""
        frame = self.ascent.frame()
        known = bool(self.best.at)
        seen = self.ascent.transparency
        return FeaturePicture(
            layer=self.aim.layer,
            unit=self.aim.unit,
            objective=self.aim.objective,
            direction=self.aim.direction,
            picture=self.best.frame if known else frame,
            frame=frame,
            curve=np.array(self.ascent.curve, dtype=np.float32),
            best_at=self.best.at or len(self.ascent.curve),
            plain=self.aim.sign * self.best.score if known else (self.ascent.curve or [float("nan")])[-1],
            held_out=np.zeros(0, np.float32),
            peaks=np.zeros(0, np.float32),
            passes=self.asking.spent,
            seconds=time.perf_counter() - self.started,
            transparency=(seen / seen.max().clamp_min(1e-30)).cpu().numpy() if self.params.parametrisation == "maco" else None,
            note=note or f"step {len(self.ascent.curve)} of {self.params.iterations}",
        )


def draw(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield snapshots while the unit is drawn, then while its control is, then the result. Raises ParameterError."""
    params: FeatureVisualization = question.params
    aim = _aim(asking, params)
    total = params.iterations * (2 if params.control else 1)
    yield Progress(0, total)
    drawing, dead = yield from _begun(asking, aim, params, question.seed)
    if dead:
        yield Result(replace(drawing.snapshot(), blank=dead, note="no picture"))
        return
    yield Partial(drawing.snapshot(), 0, total)
    for done in _spaced(drawing):
        yield Partial(drawing.snapshot(), done, total)
    found = _finished(drawing)
    if params.control:
        yield Partial(found, params.iterations, total)
        found = yield from _with_control(drawing, found, question.seed)
    yield Result(replace(found, passes=asking.spent, seconds=time.perf_counter() - drawing.started))


def _spaced(drawing: Drawing) -> Iterator[int]:
    """Run a drawing; the steps done each time that a snapshot is due."""
    last = time.perf_counter()
    for done, _ in enumerate(drawing.run(), 1):
        if time.perf_counter() - last >= SNAPSHOT_SECONDS:
            yield done
            last = time.perf_counter()


def _with_control(drawing: Drawing, found: FeaturePicture, seed: int) -> Generator[Step, None, FeaturePicture]:
    """Draw another unit of the layer, and show its picture to this one; the result as it was where the others are dead."""
    asking, aim, steps = drawing.asking, drawing.aim, drawing.params.iterations
    count = layer_of(drawing.params, asking.model).count
    others = np.random.default_rng(seed).permutation(np.delete(np.arange(count), aim.unit))[:OTHERS]
    for other in others.tolist():
        control, dead = yield from _begun(asking, replace(aim, unit=other), drawing.params, seed + 1)
        if dead:
            continue
        for done in _spaced(control):
            yield Partial(replace(found, note=f"drawn; its control at step {done} of {steps}"), steps + done, 2 * steps)
        own = measured(asking, aim, control.best.frame[None], _held_out(drawing))
        return replace(
            found,
            controls={**found.controls, OTHER: own.scores},
            control_peaks={**found.control_peaks, OTHER: own.peaks},
            other_unit=other,
            other_picture=control.best.frame,
        )
    return found


def _finished(drawing: Drawing) -> FeaturePicture:
    """The best frame with what it and random noise give under the held-out transformations."""
    asking, aim, held_out = drawing.asking, drawing.aim, _held_out(drawing)
    size = asking.model.card.preprocess
    own = measured(asking, aim, drawing.best.frame[None], held_out)
    random = measured(asking, aim, noise(HELD_OUT, size.height, size.width, size.channels, HELD_OUT_SEED), held_out)
    plain = measured(asking, aim, drawing.best.frame[None])
    came = f"; begun from the photo “{drawing.origin}”, as no random picture wakes the unit" if drawing.origin else ""
    return replace(
        drawing.snapshot(),
        plain=float(plain.scores[0]),
        held_out=own.scores,
        peaks=own.peaks,
        controls={NOISE: random.scores},
        control_peaks={NOISE: random.peaks},
        note=f"best of {len(drawing.ascent.curve)} steps: step {drawing.best.at}{came}",
    )


def _held_out(drawing: Drawing) -> torch.Tensor:
    size = drawing.asking.model.card.preprocess
    return moves(HELD_OUT, HELD_OUT_SEED, size.height, size.width)


def _aim(asking: Asking, params: FeatureVisualization) -> Aim:
    layer = layer_of(params, asking.model)
    size = asking.model.card.preprocess
    blank = torch.zeros(1, size.channels, size.height, size.width)
    positions = asking.forward(blank, units=(layer.name,)).units[layer.name].shape[1]
    return aim_of(params, asking.model, positions)


def _begun(asking: Asking, aim: Aim, params: FeatureVisualization, seed: int) -> Generator[Step, None, tuple[Drawing, str]]:
    """The drawing at the highest start where the unit has a gradient, and why it is dead where it has none at any.

    An activation such as GELU has a valley, and from its far side the way up leads away from the unit's pattern. Small
    pictures, whose steps cost little, therefore climb a little from every start before one is chosen.
    """
    size = asking.model.card.preprocess
    small = min(size.height, size.width) < SMALL
    values: list[float] = []
    begun: list[tuple[float, Drawing]] = []
    for number in range(STARTS + (len(_gallery(asking)) if params.parametrisation == "fourier" else 0)):
        if begun and number >= (STARTS if small else STARTS // 2):
            break  # a large picture keeps the marks of a start full of contrast, and any picture those of a photo
        ascent, origin = _start(asking, aim, params, seed, number)
        drawing, look = Drawing(asking, aim, params, ascent, Best(np.zeros(0, np.uint8)), origin), ascent.look()
        values.append(aim.sign * float(look.scores[0]))
        if bool(look.gradient.ne(0).any()):
            begun.append((ascent.trial(TRIAL) if small else float(look.scores[0]), drawing))
        yield Progress(0, params.iterations)
    if begun:
        return max(begun, key=lambda item: item[0])[1], ""
    return drawing, _why_dead(aim, values)


def _start(asking: Asking, aim: Aim, params: FeatureVisualization, seed: int, number: int) -> tuple[Ascent, str]:
    """An ascent at one of the starts, and the photo it starts from, "" where that is drawn at random."""
    generator = torch.Generator().manual_seed(1000 * seed + number)
    picture, origin = _picture(asking, params, number, generator)
    return Ascent(asking, aim, picture, params.copies, params.transformations, generator), origin


def _why_dead(aim: Aim, values: list[float]) -> str:
    low, high = min(values), max(values)
    gives = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    photos = f" and {len(values) - STARTS} photos" if len(values) > STARTS else ""
    return (
        f"Unit {aim.unit} of {aim.layer} gives {gives} on each of {STARTS} random pictures{photos} to start from, and no pixel "
        "changes it: there is no way to go. It may be dead, or asleep on all of these."
    )


def _picture(asking: Asking, params: FeatureVisualization, number: int, generator: torch.Generator) -> tuple[Picture, str]:
    size, device = asking.model.card.preprocess, asking.model.device
    if params.parametrisation == "maco":
        photos = [framed(sample_image(item.name), size) for item in _gallery(asking)]
        return PhasePicture.random(magnitudes(photos, device), size.height, size.width, generator), ""
    if number >= STARTS:
        item = _gallery(asking)[number - STARTS]
        return FourierPicture.of(framed(sample_image(item.name), size), device), item.title
    faint = number < STARTS // 2 and min(size.height, size.width) >= SMALL
    amplitude = FAINT if faint else STRONG
    drawn = FourierPicture.random(size.channels, size.height, size.width, amplitude=amplitude, generator=generator, device=device)
    return drawn, ""


def _gallery(asking: Asking) -> tuple[Sample, ...]:
    """The photos or digits that fit the model."""
    return samples("digit" if asking.model.card.preprocess.channels == 1 else "photo")
