"""What is collected, as tensors that live as long as the build: all units' arrays, and each layer's part as views of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from backend.models.card import UnitLayer
from backend.store.index_file import BOTTOM, NO_SLOT, TOP, array_shapes

# torch counts in signed numbers; the file's are unsigned.
_KINDS = {"uint32": torch.int64, "uint8": torch.uint8, "int8": torch.int8, "int32": torch.int32}
_KINDS |= {"float16": torch.float16, "float32": torch.float32, "float64": torch.float64}


class State:
    """All arrays of an index under way, by the names of `array_shapes`, (units, …) each, but for the extremes.

    Those are in `ends_*`, (2 · units, TOP, …): of each layer its units, then its units with their signs turned, whose largest
    values are the smallest. Of the latter only `BOTTOM` slots are open, the others hold ∞, which nothing beats.
    """

    def __init__(self, layers: Sequence[UnitLayer], windowed: bool, device: torch.device) -> None:
        units = sum(layer.count for layer in layers)
        self.windowed = windowed
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
        starts = np.cumsum([0, *(layer.count for layer in layers)])
        self._parts = {layer.name: slice(*starts[at : at + 2]) for at, layer in enumerate(layers)}
        self._tops = np.concatenate([2 * start + np.arange(layer.count) for start, layer in zip(starts, layers, strict=False)])
        self._bottoms = self._tops + np.repeat([layer.count for layer in layers], [layer.count for layer in layers])
        self.tensors["ends_values"][torch.from_numpy(self._bottoms), BOTTOM:] = float("inf")

    def layer(self, name: str) -> dict[str, Tensor]:
        """Views of a layer's part of each array."""
        part = self._parts[name]
        both = slice(2 * part.start, 2 * part.stop)
        return {key: tensor[both if key.startswith("ends_") else part] for key, tensor in self.tensors.items()}

    def arrays(self) -> dict[str, np.ndarray]:
        """A copy as the file holds it: examples in order, signs as they are."""
        held = {name: tensor.cpu().numpy() for name, tensor in self.tensors.items()}
        ends = {name: held.pop(name) for name in list(held) if name.startswith("ends_")}
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
                tensor.copy_(torch.from_numpy(arrays[name].astype(kind)))
                continue
            tops, bottoms = (torch.from_numpy(arrays[name.replace("ends_", end)].astype(kind)) for end in ("top_", "bottom_"))
            sign = -1 if name in ("ends_values", "ends_means") else 1
            tensor[torch.from_numpy(self._tops)] = tops.to(tensor.device)
            tensor[torch.from_numpy(self._bottoms), :BOTTOM] = sign * bottoms.to(tensor.device)
        self.positions = dict(zip(self.positions, positions, strict=True))


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
