"""One sample many times over, in each row with units of its own changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backend.engine.asking import AnyAsking, TokenAsking
from backend.methods.neurons.neuron_ablation import Mode, UnitSet
from backend.methods.question import TokenLogit
from backend.models.hooks import UnitEdit

POSITIONS = 512  # of logits over a whole vocabulary held at once: 100 MB where it has 49,152 tokens


@dataclass(frozen=True)
class Change:
    """Some units scaled by, or set to, a strength."""

    where: UnitSet
    mode: Mode
    strength: float


class Variants:
    """Passes over one sample with changed units of some layers; what comes before those layers is worked out once.

    The first pass, over the sample as it is, records it.
    """

    def __init__(self, asking: AnyAsking, layers: Sequence[str]) -> None:
        self.asking = asking
        self.row = asking.tokens if isinstance(asking, TokenAsking) else asking.sample[None]
        self.prefix = asking.prefix(self.row, layers)

    @property
    def at_once(self) -> int:
        """Rows that are passed in one step."""
        size = self.asking.partway.size
        return max(1, min(size, POSITIONS // self.row.shape[1])) if isinstance(self.asking, TokenAsking) else size

    def batches(self, count: int) -> Iterator[slice]:
        """Slices of that many rows."""
        for start in range(0, count, self.at_once):
            yield slice(start, min(count, start + self.at_once))

    def edited(self, changes: Sequence[Change]) -> tuple[Tensor, Tensor]:
        """What the model answers under each change: logits (rows, outputs) after the last position, and the loss (rows,).

        The loss is the mean negative log-likelihood of the prompt's tokens after the first, NaN for a photo and for one token.
        """
        return self.passed(self._edits(changes), len(changes))

    def passed(self, edits: Sequence[UnitEdit], rows: int) -> tuple[Tensor, Tensor]:
        """The same for edits that hold all rows."""
        repeated = self.row.expand(rows, *self.row.shape[1:])
        if not isinstance(self.asking, TokenAsking):
            logits = self.asking.forward(repeated, edits=edits, prefix=self.prefix).logits
            return logits, torch.full((rows,), float("nan"))
        at_all = self.asking.forward(repeated, logits="all", edits=edits, prefix=self.prefix).logits
        assert at_all is not None
        return at_all[:, -1], _losses(at_all, self.row[0])

    def scores(self, edits: Sequence[UnitEdit], rows: int) -> Tensor:
        """The question's target under edits that hold all rows, (rows,)."""
        from backend.engine.passes import score
        from backend.engine.token_passes import token_score

        repeated, target = self.row.expand(rows, *self.row.shape[1:]), self.asking.target
        if not isinstance(self.asking, TokenAsking):
            return score(self.asking.forward(repeated, edits=edits, prefix=self.prefix).logits, target)
        last = isinstance(target, TokenLogit) and target.position == -1
        logits = self.asking.forward(repeated, logits="last" if last else "all", edits=edits, prefix=self.prefix).logits
        assert logits is not None
        return token_score(logits, target)

    def _edits(self, changes: Sequence[Change]) -> list[UnitEdit]:
        points, rows = self.asking.model.units, len(changes)
        edits = []
        for layer in dict.fromkeys(change.where.layer for change in changes):
            count = points[layer].count
            factor, offset = torch.ones(rows, 1, count), torch.zeros(rows, 1, count)
            for row, change in enumerate(changes):
                if change.where.layer == layer:
                    units = list(change.where.units) or slice(None)
                    factor[row, :, units] = change.strength if change.mode == "scale" else 0.0
                    offset[row, :, units] = change.strength if change.mode == "clamp" else 0.0
            edits.append(UnitEdit(layer, factor.to(self.asking.model.device), offset.to(self.asking.model.device)))
        return edits


def _losses(logits: Tensor, tokens: Tensor) -> Tensor:
    """Mean negative log-likelihood of the tokens after the first, (rows,), from logits (rows, tokens, vocabulary)."""
    following = tokens[1:].to(logits.device)
    if not len(following):
        return torch.full((len(logits),), float("nan"))
    losses = [torch.nn.functional.cross_entropy(row[:-1].float(), following) for row in logits]  # row by row, for memory
    return torch.stack(losses).cpu()
