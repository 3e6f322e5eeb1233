"""The only way to an image model: chunked, counted passes over rows, with hooks that never outlive a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from backend.engine.chunks import Chunks, Meter, OutOfMemory, Speed
from backend.engine.prefix import Prefix, record_prefix, resumed
from backend.methods.question import ClassLogit, Contrast, Target
from backend.methods.steps import PassCount
from backend.models.hooks import UnitEdit, hooked
from backend.models.loaded import ImageModel

__all__ = ["Climb", "GradientRecord", "Meter", "OutOfMemory", "Passes", "Record", "Scalar", "Speed", "has_bfloat16", "score"]

CPU_CHUNK = 16
GPU_CHUNK = 128
Scalar = Callable[[Tensor], Tensor]  # of each row one number, (rows,), that a gradient can be taken of


@dataclass(frozen=True)
class Record:
    """What a forward pass brought back, rows in the order asked.

    logits: (rows, classes). activations: by layer, as the module gave them, rows first.
    units: by unit layer, (rows, positions, units), after the edits.
    """

    logits: Tensor
    activations: Mapping[str, Tensor] = field(default_factory=dict)
    units: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class GradientRecord(Record):
    """What a forward and a backward pass brought back.

    scores: (rows,), the target. gradient: (rows, C, H, W), of the score to the input. gradients: by layer, like activations.
    unit_gradients: by unit layer, like units.
    """

    scores: Tensor = field(kw_only=True)
    gradient: Tensor = field(kw_only=True)
    gradients: Mapping[str, Tensor] = field(default_factory=dict, kw_only=True)
    unit_gradients: Mapping[str, Tensor] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True)
class Climb:
    """What a pass that ends at a layer of units brought back.

    scores: (rows,), the measure. gradient: (rows, C, H, W), of the score to the input. values: (rows, positions, units).
    """

    scores: Tensor
    gradient: Tensor
    values: Tensor


class _Reached(Exception):
    """Leaves a pass at the layer it was made for: what lies behind it would be computed for nothing."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware: elsewhere it would be emulated, and slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def score(logits: Tensor, target: Target | Scalar) -> Tensor:
    """The explained quantity of each row, (rows,), from logits (rows, classes)."""
    match target:
        case measure if callable(measure):
            return measure(logits)
        case ClassLogit(index):
            return logits[:, index]
        case Contrast(index, against):
            return logits[:, index] - logits[:, against]
    raise TypeError(f"{target!r} is no target of an image model")


class Passes:
    """Passes over one model. Each call chunks its rows, halves the chunk when memory runs out, and counts the rows.

    edits: changes of units that every pass makes, besides those a call asks for.
    """

    def __init__(
        self, model: ImageModel, speed: Speed | None = None, meter: Meter | None = None, edits: Sequence[UnitEdit] = ()
    ) -> None:
        self.model = model
        self.edits = tuple(edits)
        size = CPU_CHUNK if model.device.type == "cpu" else GPU_CHUNK
        self.chunks = Chunks(model.device, size, "image", speed or Speed(), meter or Meter())
        # A part of a pass says nothing about the pace of whole ones, which forecasts are made of.
        self.partway = replace(self.chunks, speed=Speed())

    @property
    def spent(self) -> PassCount:
        """Rows passed so far."""
        return self.chunks.meter.spent

    def batches(self, total: int) -> Iterator[slice]:
        """Slices of 1, 2, 4 … rows up to the chunk, so that the first picture comes after one row."""
        return self.chunks.growing(total)

    def prefix(self, row: Tensor, layers: Sequence[str]) -> Prefix:
        """What `forward` may take up again where rows are one sample (1, C, H, W) that is changed in these unit layers only."""
        points = [self.model.units[name] for name in layers]
        return record_prefix(self.model.module, points, lambda: self.forward(row))

    def forward(
        self,
        rows: Tensor,
        record: Sequence[str] = (),
        *,
        units: Sequence[str] = (),
        edits: Sequence[UnitEdit] = (),
        prefix: Prefix | None = None,
    ) -> Record:
        """Logits, the recorded layers' activations and the recorded unit layers of `rows` (rows, C, H, W).

        prefix: of the one sample that all rows repeat; layers inside it are not run, so they can be neither recorded nor edited.
        Raises OutOfMemory.
        """

        def work(part: Tensor, where: slice) -> Record:
            with (
                torch.inference_mode(),
                resumed(self.model.module, prefix, len(part)),
                self._recording(record) as activations,
                self._units(units, edits, where) as found,
            ):
                logits = self.model.module(part)
                return Record(logits, dict(activations), self._values(found))

        chunks = self.chunks if prefix is None else self.partway
        return chunks.run(self._placed(rows), work, backward=False)

    def gradient(
        self,
        rows: Tensor,
        target: Target | Scalar,
        record: Sequence[str] = (),
        *,
        units: Sequence[str] = (),
        edits: Sequence[UnitEdit] = (),
    ) -> GradientRecord:
        """The target's score and its gradient to `rows` (rows, C, H, W), to the recorded layers and to the unit layers.

        Raises OutOfMemory.
        """

        def work(part: Tensor, where: slice) -> GradientRecord:
            part = part.detach().requires_grad_(True)
            with torch.enable_grad(), self._recording(record) as activations, self._units(units, edits, where) as found:
                logits = self.model.module(part)
                scores = score(logits, target)
                wanted = [part, *activations.values(), *found.values()]
                gradient, *others = torch.autograd.grad(scores.sum(), wanted)
            layers, by_unit = others[: len(activations)], others[len(activations) :]
            return GradientRecord(
                logits.detach(),
                {name: tensor.detach() for name, tensor in activations.items()},
                self._values({name: tensor.detach() for name, tensor in found.items()}),
                scores=scores.detach(),
                gradient=gradient,
                gradients=dict(zip(activations, layers, strict=True)),
                unit_gradients=self._values(dict(zip(found, by_unit, strict=True))),
            )

        return self.chunks.run(self._placed(rows), work, backward=True)

    def climb(self, rows: Tensor, layer: str, measure: Scalar) -> Climb:
        """A measure of one layer's units and its gradient to `rows` (rows, C, H, W); nothing behind the layer is computed.

        measure: values (rows, positions, units) → (rows,). Raises KeyError for a layer there is not, OutOfMemory.
        """

        def reached(_: str, values: Tensor) -> None:
            raise _Reached(values)

        def work(part: Tensor, where: slice) -> Climb:
            part = part.detach().requires_grad_(True)
            try:
                with torch.enable_grad(), hooked(self.model.module, self.model.units, [layer], self.edits, reached):
                    self.model.module(part)
            except _Reached as at:
                values = at.values
            with torch.enable_grad():
                scores = measure(values)
                gradient = torch.autograd.grad(scores.sum(), part, materialize_grads=True)[0]
            return Climb(scores.detach(), gradient, values.detach())

        return self.partway.run(self._placed(rows), work, backward=True)

    def _placed(self, rows: Tensor) -> Tensor:
        return rows.to(self.model.device, self.model.dtype).contiguous(memory_format=self.model.memory_format)

    def _values(self, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: self.model.units[name].values(tensor) for name, tensor in found.items()}

    @contextmanager
    def _units(self, names: Sequence[str], edits: Sequence[UnitEdit], where: slice) -> Iterator[dict[str, Tensor]]:
        made = [*self.edits, *(edit.rows(where) for edit in edits)]
        with hooked(self.model.module, self.model.units, names, made) as found:
            yield found

    @contextmanager
    def _recording(self, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        found: dict[str, Tensor] = {}
        handles = []
        try:
            for name in names:
                module = self.model.module.get_submodule(self.model.layers[name].module)
                handles.append(module.register_forward_hook(lambda _, __, output, name=name: found.__setitem__(name, output)))
            yield found
        finally:
            for handle in handles:
                handle.remove()
