"""Photos partly shown and partly erased along orders of pixels, with the logits of every class: read by insertion_deletion."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from backend.data.baselines import baseline
from backend.engine.asking import Asking
from backend.evidence.curves import OrderCurves, OrderCurvesSweep, counts, rows_of_order
from backend.evidence.orders import control_ranks
from backend.methods.registry import sweep


@sweep("order_curves", params=OrderCurves, by_target=False)
def order_curves(asking: Asking, params: OrderCurves) -> Iterator[OrderCurvesSweep]:
    """Yield the logits of the three ends, then those along the control orders so far; no class enters, so any can be read."""
    walk = Walk(asking, params.steps)
    ends = asking.forward(walk.ends()).logits.float().cpu().numpy()
    total = 3 + rows_of_order(params.steps) * (params.orders + 2)
    yield OrderCurvesSweep(ends, np.empty((0, ends.shape[1]), np.float32), params.steps, 3, total)
    places = control_ranks(asking.frame, params.orders, asking.question.seed)
    for logits in walk.along(places):
        yield OrderCurvesSweep(ends, logits, params.steps, 3 + len(logits), total)


class Walk:
    """Composes the photos of both protocols: insertion shows pixels of the blurred photo, deletion turns them grey."""

    def __init__(self, asking: Asking, steps: int) -> None:
        self._asking = asking
        self._steps = steps
        self._blurred = asking.tensor(baseline(asking.frame, "blur"))  # (C, H, W)
        self._grey = asking.tensor(baseline(asking.frame, "grey"))  # (C, H, W)
        height, width = asking.frame.shape[:2]
        self._counts = torch.from_numpy(counts(steps, height * width)).to(asking.model.device)

    def ends(self) -> Tensor:
        """The blurred, the whole and the grey photo, (3, C, H, W)."""
        return torch.stack([self._blurred, self._asking.sample, self._grey])

    def along(self, places: np.ndarray) -> Iterator[np.ndarray]:
        """Logits so far, float32 (done, classes), along orders given as places of pixels (orders, H, W)."""
        rows = rows_of_order(self._steps)
        total = rows * len(places)
        orders = torch.from_numpy(places).to(self._asking.model.device)
        logits: np.ndarray | None = None
        for part in self._asking.batches(total):
            index = torch.arange(part.start, part.stop, device=orders.device)
            found = self._asking.forward(self._composed(orders, index, rows)).logits.float().cpu().numpy()
            if logits is None:
                logits = np.empty((total, found.shape[1]), dtype=np.float32)
            logits[part] = found
            yield logits[: part.stop]

    def _composed(self, orders: Tensor, index: Tensor, rows: int) -> Tensor:
        """The photos of those rows, (n, C, H, W): even rows of an order insert, odd rows delete, two rows a step."""
        place = index % rows
        moved = orders[index // rows] < self._counts[1 + place // 2].view(-1, 1, 1)  # (n, H, W)
        inserts = (place % 2 == 0).view(-1, 1, 1, 1)
        before = torch.where(inserts, self._blurred, self._asking.sample)  # (n, C, H, W)
        after = torch.where(inserts, self._asking.sample, self._grey)  # (n, C, H, W)
        return torch.where(moved[:, None], after, before)
