"""What is measured: the app's own engine on the default model and the first sample, and the bare passes beside it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import backend.methods.implementations  # noqa: F401  (registers all sweeps)
from backend.data import samples
from backend.engine.asking import Asking
from backend.engine.job import Snapshot
from backend.engine.passes import Passes
from backend.engine.stepping import Engine
from backend.engine.workshop import Workshop
from backend.methods.question import ClassLogit, Dtype, Image, ModelRef, Question, Target
from backend.methods.registry import method_named
from backend.models.catalog import entries
from backend.models.loaded import ImageModel
from tests.benchmarks.timing import Contestant

MODEL = entries()[0].name
SAMPLE = samples.samples("photo")[0].name
PATIENCE = 600.0


@dataclass(frozen=True)
class Pass:
    """One call of the module: how many rows, in which type, whether their gradient was taken."""

    rows: int
    dtype: Dtype
    backward: bool


class Bench:
    """A warm engine without an archive, on the CPU, with as many threads in the engine as in the caller."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        torch.set_num_threads(threads)
        self._beside = ThreadPoolExecutor(1, "bare", torch.set_num_threads, (threads,))
        self.engine = Engine(lambda: Workshop("cpu"), self._warm)
        self.image = Image(samples.sample_image(SAMPLE))
        self._seeds = itertools.count(1)
        first = self.run(Question("prediction", ModelRef(MODEL), self.image, method_named("prediction").params()))
        self.classes = first.top(100)
        self.target = ClassLogit(self.classes[0])

    def _warm(self, workshop: Workshop) -> None:
        torch.set_num_threads(self.threads)  # of this thread only, so the engine's sets its own
        for dtype in ("float32", "bfloat16"):
            ref = ModelRef(MODEL, dtype=dtype)  # type: ignore[arg-type]
            passes = Passes(workshop.model(ref), workshop.speed(ref))
            passes.forward(torch.zeros(16, *_shape(workshop.model(ref))))

    def model(self, dtype: Dtype = "float32") -> ImageModel:
        """The engine's own module, not a copy."""
        return self.engine.workshop.model(ModelRef(MODEL, dtype=dtype))

    def question(self, method: str, target: Target | None = None, seed: int | None = None, **params: Any) -> Question:
        """A question nobody has asked yet unless a seed is given: its seed is new, so no sweep of it is cached."""
        made = method_named(method).params(**params)
        number = next(self._seeds) if seed is None else seed
        return Question(method, ModelRef(MODEL), self.image, made, target or self.target, seed=number)

    def run(self, question: Question) -> Any:
        """The result, through the engine's thread: asked, stepped to the end, waited for. Raises RuntimeError."""
        subscription = self.engine.ask(question, leased=False, keep=False)
        snapshot = self.engine.wait_final(subscription, PATIENCE)
        self.engine.leave(subscription)
        if snapshot is None or snapshot.state != "finished":
            raise RuntimeError(f"{question.method} ended {snapshot.state if snapshot else 'unknown'}: {snapshot}")
        return snapshot.value

    def first_value(self, question: Question) -> Snapshot:
        """The snapshot with the first partial result; the job is left there."""
        subscription, version = self.engine.ask(question, leased=False, keep=False), -1
        while True:
            snapshot = self.engine.wait(subscription, version, PATIENCE)
            if snapshot.value is not None or snapshot.final:
                self.engine.leave(subscription)
                return snapshot
            version = snapshot.version

    def asked_anew(self, method: str, **params: Any) -> Contestant:
        """A contestant that asks the method from nothing each time."""
        return lambda: self.run(self.question(method, **params)) and None

    def asking(self, question: Question) -> Asking:
        """What the method would hold while it runs; only while the engine is idle."""
        return Asking(question, self.engine.workshop)

    def passes_of(self, question: Question) -> list[Pass]:
        """The calls of the module that the question makes, in order."""
        with self._watched("float32") as exact, self._watched("bfloat16") as fast:
            calls: list[tuple[int, Pass]] = []
            exact.into, fast.into = calls, calls
            self.run(question)
        return [call for _, call in sorted(calls, key=lambda item: item[0])]

    @contextmanager
    def _watched(self, dtype: Dtype) -> Iterator[_Watch]:
        watch = _Watch(dtype)
        handle = self.model(dtype).module.register_forward_pre_hook(watch)
        try:
            yield watch
        finally:
            handle.remove()

    def bare(self, passes: list[Pass]) -> Contestant:
        """The same calls of the same modules on rows made beforehand, and nothing else.

        In a thread beside the main one, as the engine's is: the C library gives those other memory, with other page faults.
        """
        prepared = {call: self._rows(call) for call in set(passes)}
        target = self.target.index

        def run() -> None:
            for call in passes:
                _call(self.model(call.dtype).module, prepared[call], call.backward, target)

        return lambda: self._beside.submit(run).result()

    def _rows(self, call: Pass) -> Tensor:
        model, generator = self.model(call.dtype), torch.Generator().manual_seed(0)
        rows = torch.randn(call.rows, *_shape(model), generator=generator)
        return rows.to(model.dtype).contiguous(memory_format=model.memory_format)


class _Watch:
    def __init__(self, dtype: Dtype) -> None:
        self.dtype = dtype
        self.into: list[tuple[int, Pass]] = []

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        backward = torch.is_grad_enabled() and inputs[0].requires_grad
        self.into.append((len(self.into), Pass(len(inputs[0]), self.dtype, backward)))


def _call(module: nn.Module, rows: Tensor, backward: bool, target: int) -> None:
    if not backward:
        with torch.inference_mode():
            module(rows)
        return
    rows = rows.detach().requires_grad_(True)
    torch.autograd.grad(module(rows)[:, target].sum(), rows)


def _shape(model: ImageModel) -> tuple[int, int, int]:
    size = model.card.preprocess
    return size.channels, size.height, size.width


def relative_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest absolute difference as a share of the largest absolute value."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())
