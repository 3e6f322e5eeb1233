"""The only way to a model: chunked, counted passes over rows, with hooks that never outlive a call."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from statistics import median
from typing import Any, TypeVar

import torch
from torch import Tensor

from backend.methods.question import ClassLogit, Contrast, Target
from backend.methods.steps import PassCount
from backend.models.loaded import ImageModel

CPU_CHUNK = 16
GPU_CHUNK = 128
REMEMBERED = 15  # passes; an odd few forget the slow first one
R = TypeVar("R", bound="Record")


class OutOfMemory(RuntimeError):
    """One row alone does not fit in memory."""


@dataclass(frozen=True)
class Record:
    """What a forward pass brought back, rows in the order asked.

    logits: (rows, classes). activations: by layer, as the module gave them, rows first.
    """

    logits: Tensor
    activations: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class GradientRecord(Record):
    """What a forward and a backward pass brought back.

    scores: (rows,), the target. gradient: (rows, C, H, W), of the score to the input. gradients: by layer, like activations.
    """

    scores: Tensor = field(kw_only=True)
    gradient: Tensor = field(kw_only=True)
    gradients: Mapping[str, Tensor] = field(default_factory=dict, kw_only=True)


class Speed:
    """Seconds a row takes on this model, forward and with its backward: the median of the last passes measured."""

    def __init__(self) -> None:
        self._seen: dict[bool, deque[float]] = {False: deque(maxlen=REMEMBERED), True: deque(maxlen=REMEMBERED)}

    def saw(self, seconds: float, rows: int, backward: bool) -> None:
        """Remember one measured pass."""
        self._seen[backward].append(seconds / rows)

    @property
    def forward(self) -> float:
        """Seconds a row forward; 0 before anything was measured."""
        return median(self._seen[False]) if self._seen[False] else 0.0

    @property
    def both(self) -> float:
        """Seconds a row forward and backward; 0 before anything was measured."""
        return median(self._seen[True]) if self._seen[True] else 0.0


@dataclass
class Meter:
    """Rows passed so far; several passes of one question may share it."""

    spent: PassCount = field(default_factory=PassCount)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware: elsewhere it would be emulated, and slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def score(logits: Tensor, target: Target) -> Tensor:
    """The explained quantity of each row, (rows,), from logits (rows, classes)."""
    if isinstance(target, ClassLogit):
        return logits[:, target.index]
    if isinstance(target, Contrast):
        return logits[:, target.index] - logits[:, target.against]
    raise TypeError(f"{target!r} is no target of an image classifier")


class Passes:
    """Passes over one model. Each call chunks its rows, halves the chunk when memory runs out, and counts the rows."""

    def __init__(self, model: ImageModel, speed: Speed | None = None, meter: Meter | None = None) -> None:
        self.model = model
        self.meter = meter or Meter()
        self.chunk = CPU_CHUNK if model.device.type == "cpu" else GPU_CHUNK
        self.speed = speed or Speed()

    @property
    def spent(self) -> PassCount:
        """Rows passed so far."""
        return self.meter.spent

    def batches(self, total: int) -> Iterator[slice]:
        """Slices of 1, 2, 4 … `chunk` rows, so that the first picture comes after one row."""
        start, size = 0, 1
        while start < total:
            stop = min(start + min(size, self.chunk), total)
            yield slice(start, stop)
            start, size = stop, size * 2

    def forward(self, rows: Tensor, record: Sequence[str] = ()) -> Record:
        """Logits and the recorded layers' activations of `rows` (rows, C, H, W). Raises OutOfMemory."""
        return self._chunked(rows, lambda part: self._forward(part, record), backward=False)

    def gradient(self, rows: Tensor, target: Target, record: Sequence[str] = ()) -> GradientRecord:
        """The target's score and its gradient to `rows` (rows, C, H, W) and to the recorded layers. Raises OutOfMemory."""
        return self._chunked(rows, lambda part: self._gradient(part, target, record), backward=True)

    def _forward(self, rows: Tensor, record: Sequence[str]) -> Record:
        with torch.inference_mode(), self._recording(record) as activations:
            return Record(self.model.module(rows), activations=dict(activations))

    def _gradient(self, rows: Tensor, target: Target, record: Sequence[str]) -> GradientRecord:
        rows = rows.detach().requires_grad_(True)
        with torch.enable_grad(), self._recording(record) as activations:
            logits = self.model.module(rows)
            scores = score(logits, target)
            gradient, *layers = torch.autograd.grad(scores.sum(), [rows, *activations.values()])
        return GradientRecord(
            logits.detach(),
            {name: tensor.detach() for name, tensor in activations.items()},
            scores=scores.detach(),
            gradient=gradient,
            gradients=dict(zip(activations, layers, strict=True)),
        )

    @contextmanager
    def _recording(self, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        found: dict[str, Tensor] = {}
        handles = []
        try:
            for name in names:
                point = self.model.layers[name]
                module = self.model.module.get_submodule(point.module)
                handles.append(module.register_forward_hook(_keep(found, name)))
            yield found
        finally:
            for handle in handles:
                handle.remove()

    def _chunked(self, rows: Tensor, run: Callable[[Tensor], R], *, backward: bool) -> R:
        rows = rows.to(self.model.device, self.model.dtype).contiguous(memory_format=self.model.memory_format)
        records, start = [], 0
        while start < len(rows):
            part = rows[start : start + self.chunk]
            before = time.perf_counter()
            record = _unless_out_of_memory(run, part)
            if record is None:
                self._halve(len(part))
                continue
            self.speed.saw(time.perf_counter() - before, len(part), backward)
            self.meter.spent += PassCount(len(part), len(part) if backward else 0)
            records.append(record)
            start += len(part)
        return records[0] if len(records) == 1 else _joined(records)

    def _halve(self, rows: int) -> None:
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()
        if rows == 1:
            raise OutOfMemory(f"One image alone does not fit in the memory of {self.model.device}.")
        self.chunk = max(1, rows // 2)


def _keep(found: dict[str, Tensor], name: str) -> Callable[..., None]:
    def hook(module: torch.nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found[name] = output

    return hook


def _unless_out_of_memory(run: Callable[[Tensor], R], part: Tensor) -> R | None:
    # The caller frees memory after this returns: inside the handler the traceback would still hold the tensors.
    try:
        return run(part)
    except (torch.OutOfMemoryError, MemoryError):
        return None
    except RuntimeError as error:
        if "can't allocate memory" in str(error) or "not enough memory" in str(error):
            return None
        raise


def _joined(records: list[R]) -> R:
    def join(parts: list[Any]) -> Any:
        if isinstance(parts[0], Tensor):
            return torch.cat(parts)
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    kind = type(records[0])
    return kind(**{part.name: join([getattr(record, part.name) for record in records]) for part in fields(kind)})
