"""What a method holds while it runs: the model, the sample, and access to sweeps and to other questions' results."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from backend.data.frames import normalise
from backend.engine.passes import Passes, Speed, has_bfloat16
from backend.engine.sweeps import Reading, SweepCache, SweepRun, subject, sweep_key
from backend.methods.question import Image, ModelRef, Question, Target
from backend.methods.registry import method_named, sweep_named
from backend.methods.steps import Progress, Result
from backend.models.card import ModelCard
from backend.models.loaded import ImageModel


class Workshop(Protocol):
    """What the engine lends to the questions it runs."""

    sweeps: SweepCache

    def model(self, ref: ModelRef, edits: tuple[Any, ...]) -> ImageModel: ...
    def speed(self, ref: ModelRef) -> Speed: ...
    def frame(self, image: Image, card: ModelCard) -> np.ndarray: ...
    def known(self, question: Question) -> Any | None: ...
    def keep(self, question: Question, value: Any) -> None: ...


class Asking(Passes):
    """Passes for one question: its model, its sample in the model's frame, its target and its sweeps."""

    def __init__(self, question: Question, workshop: Workshop) -> None:
        super().__init__(workshop.model(question.model, question.edits), workshop.speed(question.model))
        self.question = question
        self.workshop = workshop
        image = subject(question)
        self.frame: np.ndarray = workshop.frame(image, self.model.card)  # uint8 (H, W, C)
        self.sample: Tensor = self.tensor(self.frame)  # (C, H, W)

    @property
    def target(self) -> Target:
        """The question's target. Raises ValueError where it has none."""
        if self.question.target is None:
            raise ValueError(f"{self.question.method} needs a target, and the question names none")
        return self.question.target

    def tensor(self, pixels: np.ndarray) -> Tensor:
        """The model's input (C, H, W) for pixels (H, W, C) from 0 to 255, on its device and in its type."""
        scaled = torch.from_numpy(normalise(pixels, self.model.card.preprocess))
        return scaled.to(self.model.device, self.model.dtype)

    def sweep(self, name: str, params: Any) -> Iterator[Reading]:
        """Snapshots of a sweep over this sample: read from the cache, joined where it runs, started otherwise."""
        kind = sweep_named(name)
        return self.workshop.sweeps.read(sweep_key(self.question, name, params), lambda: self._start(kind.run, params))

    def reduced(self) -> Passes:
        """Passes in bfloat16 where the device computes in it and the question leaves the type open; else these.

        Their rows count as this question's.
        """
        if self.question.model.dtype != "float32" or not has_bfloat16(self.model.device):
            return self
        ref = replace(self.question.model, dtype="bfloat16")
        return Passes(self.workshop.model(ref, self.question.edits), self.workshop.speed(ref), self.meter)

    def view(self) -> Iterator[Reading]:
        """Snapshots of the sweep that the question's method is a view of."""
        reads = method_named(self.question.method).reads
        if reads is None:
            raise ValueError(f"{self.question.method} is no view of a sweep")
        return self.sweep(*reads(self.question.params))

    def _start(self, run: Callable[..., Iterator[Any]], params: Any) -> SweepRun:
        # A sweep outlives the job that started it, so it counts its passes on its own.
        own = Asking(self.question, self.workshop)
        return SweepRun(run(own, params), lambda: own.spent)

    def answer(self, question: Question) -> Generator[Progress, None, Any]:
        """The result of another question, `yield from` it: known, or worked out here step by step."""
        known = self.workshop.known(question)
        if known is not None:
            return known
        for step in method_named(question.method).run(question, Asking(question, self.workshop)):
            if isinstance(step, Result):
                self.workshop.keep(question, step.value)
                return step.value
            yield Progress(step.done, step.total)
        raise RuntimeError(f"{question.method} ended without a result")


def array(tensor: Tensor) -> np.ndarray:
    """The values on the CPU: float64 where the model computes in it, float32 otherwise."""
    return tensor.cpu().to(torch.float64 if tensor.dtype == torch.float64 else torch.float32).numpy()
