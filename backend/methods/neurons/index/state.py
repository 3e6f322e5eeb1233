"""What is collected, as tensors that live as long as the build: all units' arrays, and each group's part as views of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from backend.models.card import UnitLayer
from backend.store.index_file import BOTTOM, NO_SLOT, TOP, array_shapes

# torch counts in signed numbers; the file's are unsigned.
_KINDS = {"uint32": torch.int64, "uint8": torch.uint8, "int8": torch.int8, "int32": torch.int32}
_KINDS |= {"float16": torch.float16, "float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class Group:
    """Layers that are merged in one go, and where their units are in the arrays. Heads of all blocks are one group.

    Nine units cost as many calls as a thousand, so the heads of 30 blocks alone would cost a third of what all neurons do.
    """

    layers: tuple[str, ...]
    start: int
    stop: int


def grouped(layers: Sequence[UnitLayer]) -> tuple[Group, ...]:
    """The heads' layers together, every other layer by itself."""
    heads = [layer for layer in layers if layer.kind == "head"]
    together = [heads] if heads else []
    together += [[layer] for layer in layers if layer.kind != "head"]
    groups, start = [], 0
    for members in together:
        count = sum(layer.count for layer in members)
        groups.append(Group(tuple(layer.name for layer in members), start, start + count))
        start += count
    return tuple(groups)


class State:
    """All arrays of an index under way, by the names of `array_shapes`, (units, …) each, group by group, but for the extremes.

    Those are in `ends_*`, (2 · units, TOP, …): of each group its units, then its units with their signs turned, whose largest
    values are the smallest. Of the latter only `BOTTOM` slots are open, the others hold ∞, which nothing beats.
    """

    def __init__(self, layers: Sequence[UnitLayer], windowed: bool, device: torch.device) -> None:
        units = sum(layer.count for layer in layers)
        self.windowed = windowed
        self.groups = grouped(layers)
        self.tensors = {
            name: torch.full((units, *shape), _nothing(name), dtype=_KINDS[kind.name], device=device)
            for name, (kind, shape) in array_shapes(windowed).items()
            if not name.startswith(("top_", "bottom_"))
        }
        for name, (kind, shape) in array_shapes(windowed).items():
            if name.startswith("top_"):
                own = name.replace("top_", "ends_")
                self.tensors[own] = torch.full((2 * units, *shape), _nothing(name), dtype=_KINDS[kind.name], device=device)
        self.positions = {layer.name: 0 for layer in layers}
        self._rows, self._tops, self._bottoms = _rows(layers, self.groups)
        self.tensors["ends_values"][torch.from_numpy(self._bottoms), BOTTOM:] = float("inf")

    def part(self, group: Group) -> dict[str, Tensor]:
        """Views of a group's part of each array."""
        both = slice(2 * group.start, 2 * group.stop)
        return {
            name: tensor[both if name.startswith("ends_") else slice(group.start, group.stop)]
            for name, tensor in self.tensors.items()
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """A copy as the file holds it: layers in their order, examples in theirs, signs as they are."""
        ends = {name: tensor.cpu().numpy() for name, tensor in self.tensors.items() if name.startswith("ends_")}
        held = {name: tensor.cpu().numpy()[self._rows] for name, tensor in self.tensors.items() if name not in ends}
        order = np.lexsort((ends["ends_items"], -ends["ends_means"], -ends["ends_values"]), axis=1)  # (2 · units, TOP)
        for name, array in ends.items():
            ordered = np.take_along_axis(array, order if array.ndim == 2 else order[..., None], axis=1)
            sign = -1 if name in ("ends_values", "ends_means") else 1
            held[name.replace("ends_", "top_")] = ordered[self._tops]
            held[name.replace("ends_", "bottom_")] = sign * ordered[self._bottoms, TOP - BOTTOM :]  # behind the closed slots
        kinds = array_shapes(self.windowed)
        return {name: array.astype(kinds[name][0]) for name, array in held.items()}

    def restore(self, arrays: Mapping[str, np.ndarray], positions: Sequence[int]) -> None:
        """Go on from what `arrays` gave."""
        for name, tensor in self.tensors.items():
            kind = str(tensor.dtype).removeprefix("torch.")
            if not name.startswith("ends_"):
                tensor[torch.from_numpy(self._rows)] = torch.from_numpy(arrays[name].astype(kind)).to(tensor.device)
                continue
            tops, bottoms = (torch.from_numpy(arrays[name.replace("ends_", end)].astype(kind)) for end in ("top_", "bottom_"))
            sign = -1 if name in ("ends_values", "ends_means") else 1
            tensor[torch.from_numpy(self._tops)] = tops.to(tensor.device)
            tensor[torch.from_numpy(self._bottoms), :BOTTOM] = sign * bottoms.to(tensor.device)
        self.positions = dict(zip(self.positions, positions, strict=True))


def _rows(layers: Sequence[UnitLayer], groups: Sequence[Group]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each unit, layer after layer, its row in the arrays, and the rows of its two ends, int64 (units,) each."""
    counts = {layer.name: layer.count for layer in layers}
    rows, tops, bottoms = {}, {}, {}
    for group in groups:
        start, whole = group.start, group.stop - group.start
        at = start
        for name in group.layers:
            rows[name] = np.arange(at, at + counts[name])
            tops[name] = rows[name] + start
            bottoms[name] = tops[name] + whole
            at += counts[name]
    names = list(counts)
    first, second, third = (np.concatenate([found[name] for name in names]) for found in (rows, tops, bottoms))
    return first, second, third


def _nothing(name: str) -> float:
    """What stands where nothing has been found."""
    end, _, part = name.partition("_")
    if name == "maximum" or (end == "top" and part in ("values", "means")):
        return float("-inf")
    if name == "minimum":
        return float("inf")
    if part == "slots":
        return NO_SLOT
    return -1 if part == "items" else 0
