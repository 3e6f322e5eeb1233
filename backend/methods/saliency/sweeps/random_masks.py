"""Smooth random masks with the logits of every class: read by RISE."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from backend.engine.asking import Asking, array
from backend.methods.registry import sweep
from backend.methods.saliency.masks import draw_masks, interpolation
from backend.methods.saliency.series import RandomMasks, RandomMasksSweep


@sweep("random_masks", params=RandomMasks, by_target=False)
def random_masks(asking: Asking, params: RandomMasks) -> Iterator[RandomMasksSweep]:
    """Yield grids, shifts and logits so far; a masked pixel goes to zero of the normalised input, as in the paper."""
    sample = asking.sample
    height, width = sample.shape[1:]
    grids, shifts = draw_masks(asking.question.seed, params.masks, params.cells, min(height, width))
    maker = MaskMaker(params.cells, height, width, sample)
    full = array(asking.forward(sample[None]).logits[0])
    masked = asking.reduced() if params.precision == "fast" else asking
    dtype = str(masked.model.dtype).removeprefix("torch.")
    logits = np.empty((params.masks, len(full)), dtype=full.dtype)
    for part in asking.batches(params.masks):
        masks = maker.make(grids[part], shifts[part])  # (rows, 1, H, W)
        logits[part] = array(masked.forward(sample * masks).logits)
        yield RandomMasksSweep(grids[: part.stop], shifts[: part.stop], logits[: part.stop], full, dtype, part.stop, params.masks)


class MaskMaker:
    """Makes masks on the sample's device as two batched products, rows · grid · columnsᵀ."""

    def __init__(self, cells: int, height: int, width: int, like: Tensor) -> None:
        self._like = like
        self._rows = torch.from_numpy(interpolation(cells, height)).to(like.device, like.dtype)  # (shifts, H, cells)
        self._columns = torch.from_numpy(interpolation(cells, width)).to(like.device, like.dtype)  # (shifts, W, cells)

    def make(self, grids: np.ndarray, shifts: np.ndarray) -> Tensor:
        """Masks (n, 1, H, W) from 0 to 1 for grids (n, cells, cells) and shifts (n, 2)."""
        coarse = torch.from_numpy(grids).to(self._like.device, self._like.dtype)
        where = torch.from_numpy(shifts).to(self._like.device)
        return (self._rows[where[:, 0]] @ coarse @ self._columns[where[:, 1]].transpose(1, 2))[:, None]
