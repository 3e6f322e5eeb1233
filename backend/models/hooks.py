"""Hooks that read and change units during a pass, put on by context managers that always take them off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from backend.methods.params import ParameterError
from backend.methods.question import ClampUnits, ScaleUnits
from backend.models.card import UnitKind, UnitLayer


@dataclass(frozen=True)
class UnitPoint:
    """Where the units of a layer are: the input or the output of a module.

    axis: 1 for the channels of an image (rows, channels, h, w), −1 where units come last.
    count, size: how many units, and how many values each has: 1, or for a head the width of its output.
    """

    module: str
    side: Literal["input", "output"]
    axis: Literal[1, -1]
    count: int
    kind: UnitKind
    size: int = 1

    def values(self, tensor: Tensor) -> Tensor:
        """A view of the module's tensor as (rows, positions, units), for heads (rows, positions, heads, size).

        A layer without positions, (rows, units), has one.
        """
        if self.axis == 1 and tensor.dim() == 4:
            return tensor.flatten(2).transpose(1, 2)
        rows = tensor if tensor.dim() == 3 else tensor[:, None]
        return rows.unflatten(-1, (self.count, self.size)) if self.size > 1 else rows


@dataclass(frozen=True)
class UnitEdit:
    """New activation = factor · activation + offset, for the units of one layer.

    factor, offset: (rows or 1, positions or 1, units). Scaling, clamping and adding are all of this form.
    """

    layer: str
    factor: Tensor
    offset: Tensor

    def rows(self, part: slice) -> UnitEdit:
        """The edit for a part of the rows."""
        cut = [tensor if len(tensor) == 1 else tensor[part] for tensor in (self.factor, self.offset)]
        return replace(self, factor=cut[0], offset=cut[1])


def unit_edit(edit: ScaleUnits | ClampUnits, layers: Mapping[str, UnitPoint], like: Tensor) -> UnitEdit:
    """The intervention as numbers, on the device and in the type of `like`. Raises ParameterError for units there are not."""
    if edit.layer not in layers:
        raise ParameterError(f"Layer: there is no {edit.layer[:40]!r}; there are {', '.join(layers)[:200]}.")
    count = layers[edit.layer].count
    strange = [unit for unit in edit.units if not 0 <= unit < count]
    if strange:
        raise ParameterError(f"Unit: {strange[0]} is outside 0 to {count - 1}, the units of {edit.layer}.")
    factor, offset = like.new_ones(1, 1, count), like.new_zeros(1, 1, count)
    units = list(edit.units)
    factor[..., units] = edit.factor if isinstance(edit, ScaleUnits) else 0.0
    if isinstance(edit, ClampUnits):
        offset[..., units] = edit.value
    return UnitEdit(edit.layer, factor, offset)


@contextmanager
def hooked(
    module: nn.Module,
    layers: Mapping[str, UnitPoint],
    record: Sequence[str] = (),
    edits: Sequence[UnitEdit] = (),
    visit: Callable[[str, Tensor], None] | None = None,
) -> Iterator[dict[str, Tensor]]:
    """While open, each pass of `module` makes the edits and then keeps the recorded layers' tensors as the module has them.

    Yields the tensors by layer. Where `visit` is given it is called with each recorded layer's values, as
    `UnitPoint.values` shapes them, and nothing is kept. Raises KeyError for a layer there is not.
    """
    found: dict[str, Tensor] = {}
    handles: list[RemovableHandle] = []
    try:
        for name in dict.fromkeys([*(edit.layer for edit in edits), *record]):
            own = [edit for edit in edits if edit.layer == name]
            handles.append(_put(module, layers[name], _change(name, layers[name], own, name in record, found, visit)))
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _change(
    name: str,
    point: UnitPoint,
    edits: Sequence[UnitEdit],
    record: bool,
    found: dict[str, Tensor],
    visit: Callable[[str, Tensor], None] | None,
) -> Callable[[Tensor], Tensor]:
    def change(tensor: Tensor) -> Tensor:
        for edit in edits:
            tensor = _edited(tensor, point, edit)
        if record and visit is not None:
            visit(name, point.values(tensor))
        elif record:
            found[name] = tensor
        return tensor

    return change


def _edited(tensor: Tensor, point: UnitPoint, edit: UnitEdit) -> Tensor:
    changed = tensor.clone()
    values = point.values(changed)
    factor, offset = (part[..., None] if point.size > 1 else part for part in (edit.factor, edit.offset))
    values.mul_(factor.to(values)).add_(offset.to(values))
    return changed


def _put(module: nn.Module, point: UnitPoint, change: Callable[[Tensor], Tensor]) -> RemovableHandle:
    part = module.get_submodule(point.module)
    if point.side == "input":
        return part.register_forward_pre_hook(lambda _, inputs: (change(inputs[0]), *inputs[1:]))

    def after(_: nn.Module, __: Any, output: Any) -> Any:
        # Some blocks give a bare tensor and some a tuple that starts with it.
        return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)

    return part.register_forward_hook(after)


def unit_layers(points: Mapping[str, UnitPoint]) -> tuple[UnitLayer, ...]:
    """The points as a card lists them."""
    return tuple(UnitLayer(name, point.count, point.kind) for name, point in points.items())
