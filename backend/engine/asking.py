"""What a method holds while it runs: the model, the sample, and access to sweeps and to other questions' results."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from backend.data.frames import normalise
from backend.engine.passes import Passes, Speed, has_bfloat16
from backend.engine.sweeps import Reading, SweepCache, SweepRun, subject, sweep_key
from backend.engine.token_passes import TokenPasses
from backend.limits import PROMPT_TOKENS
from backend.methods.params import ParameterError
from backend.methods.question import ClampUnits, Image, ModelRef, Prompt, Question, Runs, ScaleUnits, Target
from backend.methods.registry import method_named, sweep_named
from backend.methods.steps import Progress, Result
from backend.models.card import ModelCard
from backend.models.hooks import UnitEdit, unit_edit
from backend.models.loaded import ImageModel, LanguageModel


class Workshop(Protocol):
    """What the engine lends to the questions it runs."""

    sweeps: SweepCache

    def model(self, ref: ModelRef, edits: tuple[Any, ...]) -> Any: ...
    def speed(self, ref: ModelRef) -> Speed: ...
    def frame(self, image: Image, card: ModelCard) -> np.ndarray: ...
    def known(self, question: Question) -> Any | None: ...
    def keep(self, question: Question, value: Any) -> None: ...


class Asking(Passes):
    """Passes for one question to an image model: its sample in the model's frame, its target and its sweeps."""

    def __init__(self, question: Question, workshop: Workshop) -> None:
        model: ImageModel = workshop.model(question.model, question.edits)
        super().__init__(model, workshop.speed(question.model), edits=_unit_edits(question, model))
        self.question = question
        self.workshop = workshop

    @cached_property
    def frame(self) -> np.ndarray:
        """What the model sees of the question's image, uint8 (H, W, C)."""
        return self.workshop.frame(subject(self.question), self.model.card)

    @cached_property
    def sample(self) -> Tensor:
        """The question's image as the model's input, (C, H, W)."""
        return self.tensor(self.frame)

    @property
    def target(self) -> Target:
        """The question's target. Raises ValueError where it has none."""
        return _target(self.question)

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
        model = self.workshop.model(ref, self.question.edits)
        return Passes(model, self.workshop.speed(ref), self.chunks.meter, _unit_edits(self.question, model))

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
        return _answer(question, self.workshop)


class TokenAsking(TokenPasses):
    """Passes for one question to a language model: its prompt as the model's tokens, and its target."""

    def __init__(self, question: Question, workshop: Workshop) -> None:
        model: LanguageModel = workshop.model(question.model, question.edits)
        super().__init__(model, workshop.speed(question.model), edits=_unit_edits(question, model))
        self.question = question
        self.workshop = workshop

    @cached_property
    def tokens(self) -> Tensor:
        """The question's prompt, int64 (1, tokens). Raises ParameterError where it is empty or too long."""
        inputs = self.question.inputs
        while isinstance(inputs, Runs):
            inputs = inputs.questions[0].inputs
        if not isinstance(inputs, Prompt):
            raise ValueError(f"{self.question.method} needs a prompt")
        return self.encoded(inputs.text)

    def encoded(self, text: str) -> Tensor:
        """A text as the model's tokens, int64 (1, tokens). Raises ParameterError where it is empty or too long."""
        ids = self.model.tokenizer.encode(text).ids
        limit = min(self.model.card.context, PROMPT_TOKENS)
        if not ids:
            raise ParameterError("The prompt is empty; the model needs at least one token.")
        if len(ids) > limit:
            raise ParameterError(f"The prompt has {len(ids):,} tokens; the limit is {limit:,}.")
        return torch.tensor([ids])

    @property
    def target(self) -> Target:
        """The question's target. Raises ValueError where it has none."""
        return _target(self.question)

    def answer(self, question: Question) -> Generator[Progress, None, Any]:
        """The result of another question, `yield from` it: known, or worked out here step by step."""
        return _answer(question, self.workshop)


AnyAsking = Asking | TokenAsking


def asking_for(question: Question, workshop: Workshop) -> AnyAsking:
    """What a method holds for this question, by the kind of its model. Raises ModelError."""
    if isinstance(workshop.model(question.model, question.edits), LanguageModel):
        return TokenAsking(question, workshop)
    return Asking(question, workshop)


def _answer(question: Question, workshop: Workshop) -> Generator[Progress, None, Any]:
    known = workshop.known(question)
    if known is not None:
        return known
    for step in method_named(question.method).run(question, asking_for(question, workshop)):
        if isinstance(step, Result):
            workshop.keep(question, step.value)
            return step.value
        yield Progress(step.done, step.total)
    raise RuntimeError(f"{question.method} ended without a result")


def _target(question: Question) -> Target:
    if question.target is None:
        raise ValueError(f"{question.method} needs a target, and the question names none")
    return question.target


def _unit_edits(question: Question, model: ImageModel | LanguageModel) -> list[UnitEdit]:
    like = torch.empty(0, device=model.device, dtype=model.dtype)
    return [unit_edit(edit, model.units, like) for edit in question.edits if isinstance(edit, ScaleUnits | ClampUnits)]


def array(tensor: Tensor) -> np.ndarray:
    """The values on the CPU: float64 where the model computes in it, float32 otherwise."""
    return tensor.cpu().to(torch.float64 if tensor.dtype == torch.float64 else torch.float32).numpy()
