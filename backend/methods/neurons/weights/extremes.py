"""The largest and the smallest entries of long rows, exactly, in little more than one reading of them."""

from __future__ import annotations

import torch
from torch import Tensor

GROUP = 16  # entries a group: with more, finding the groups costs less and looking into them more


def extremes(rows: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Top values and places, largest first, and bottom values and places, smallest first, each (rows, count).

    The `count` largest entries lie in the `count` groups with the largest maxima, so only those groups are looked into.
    Among equal entries any may be taken. count: at most the length of a row.
    """
    groups = rows.shape[1] // GROUP
    if groups <= 2 * count:
        top, bottom = rows.topk(count), rows.topk(count, largest=False)
        return top.values, top.indices, bottom.values, bottom.indices
    # Entry j belongs to group j mod groups: maxima over a strided axis read the row as vectors.
    folded = rows[:, : groups * GROUP].unflatten(1, (GROUP, groups))  # (rows, GROUP, groups)
    top_values, top_places = _inside(rows, folded.amax(dim=1), count, largest=True)
    low_values, low_places = _inside(rows, folded.amin(dim=1), count, largest=False)
    return top_values, top_places, low_values, low_places


def _inside(rows: Tensor, bounds: Tensor, count: int, *, largest: bool) -> tuple[Tensor, Tensor]:
    """The extreme entries among the groups with the extreme bounds (rows, groups) and the entries in no group."""
    groups = bounds.shape[1]
    chosen = bounds.topk(count, dim=1, largest=largest, sorted=False).indices  # (rows, count)
    offsets = torch.arange(GROUP, device=rows.device) * groups
    rest = torch.arange(groups * GROUP, rows.shape[1], device=rows.device).expand(len(rows), -1)
    places = torch.cat([(chosen[:, :, None] + offsets).flatten(1), rest], dim=1)  # (rows, count * GROUP + rest)
    best = rows.gather(1, places).topk(count, dim=1, largest=largest)
    return best.values, places.gather(1, best.indices)
