"""What is collected, as tensors that live as long as the build: all units' arrays, and each layer's part as views of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from backend.models.card import UnitLayer
from backend.store.index_file import NO_SLOT, array_shapes

# torch counts in signed numbers; the file's are unsigned.
_KINDS = {"uint32": torch.int32, "uint8": torch.uint8, "int8": torch.int8, "int32": torch.int32}
_KINDS |= {"float16": torch.float16, "float32": torch.float32, "float64": torch.float64}


class State:
    """All arrays of an index under way, by the names of `array_shapes`, (units, …) each.

    Of `bottom` values and means the signs are turned, so that one rule finds the largest of both ends.
    """

    def __init__(self, layers: Sequence[UnitLayer], windowed: bool, device: torch.device) -> None:
        units = sum(layer.count for layer in layers)
        self.windowed = windowed
        self.tensors = {
            name: torch.full((units, *shape), _nothing(name), dtype=_KINDS[kind.name], device=device)
            for name, (kind, shape) in array_shapes(windowed).items()
        }
        self.positions = {layer.name: 0 for layer in layers}
        self._parts: dict[str, slice] = {}
        start = 0
        for layer in layers:
            self._parts[layer.name] = slice(start, start + layer.count)
            start += layer.count

    def layer(self, name: str) -> dict[str, Tensor]:
        """Views of a layer's part of each array."""
        return {key: tensor[self._parts[name]] for key, tensor in self.tensors.items()}

    def arrays(self) -> dict[str, np.ndarray]:
        """A copy as the file holds it: examples in order, signs as they are."""
        kinds = array_shapes(self.windowed)
        found = {name: tensor.cpu().numpy() for name, tensor in self.tensors.items()}
        for end in ("top", "bottom"):
            names = [name for name in found if name.startswith(f"{end}_")]
            values, means, items = (found[f"{end}_{part}"] for part in ("values", "means", "items"))
            order = np.lexsort((items, -means, -values), axis=1)  # (units, slots)
            found |= {name: _taken(found[name], order) for name in names}
        found |= {name: -found[name] for name in ("bottom_values", "bottom_means")}
        return {name: array.astype(kinds[name][0]) for name, array in found.items()}

    def restore(self, arrays: Mapping[str, np.ndarray], positions: Sequence[int]) -> None:
        """Go on from what `arrays` gave."""
        for name, tensor in self.tensors.items():
            values = -arrays[name] if name in ("bottom_values", "bottom_means") else arrays[name]
            tensor.copy_(torch.from_numpy(values.astype(str(tensor.dtype).removeprefix("torch."))))
        self.positions = dict(zip(self.positions, positions, strict=True))


def _nothing(name: str) -> float:
    """What stands where nothing has been found."""
    end, _, part = name.partition("_")
    if name == "maximum" or (end in ("top", "bottom") and part in ("values", "means")):
        return float("-inf")
    if name == "minimum":
        return float("inf")
    if part == "slots":
        return NO_SLOT
    return -1 if part == "items" else 0


def _taken(array: np.ndarray, order: np.ndarray) -> np.ndarray:
    return np.take_along_axis(array, order if array.ndim == 2 else order[..., None], axis=1)
