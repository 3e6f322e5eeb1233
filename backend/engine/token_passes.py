"""The only way to a language model: chunked, counted passes over rows of tokens, with hooks that never outlive a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from backend.engine.chunks import Chunks, Meter, Speed
from backend.engine.prefix import Prefix, record_prefix, resumed
from backend.methods.question import Target, TokenLogit
from backend.methods.steps import PassCount
from backend.models.hooks import UnitEdit, hooked
from backend.models.loaded import LanguageModel

CPU_CHUNK = 8
GPU_CHUNK = 64
Positions = Literal["none", "last", "all"]


@dataclass(frozen=True)
class TokenRecord:
    """What a forward pass over tokens brought back, rows in the order asked.

    logits: (rows, positions, vocabulary), positions as asked for; None where none were.
    units: by unit layer, (rows, tokens, units), for heads (rows, tokens, heads, size), after the edits.
    residual: (rows, blocks + 1, tokens, width), the stream before each block and after the last; None where not asked for.
    """

    logits: Tensor | None
    units: Mapping[str, Tensor] = field(default_factory=dict)
    residual: Tensor | None = None


@dataclass(frozen=True)
class TokenGradientRecord:
    """What a forward and a backward pass over embeddings brought back.

    scores: (rows,), the target. gradient: (rows, tokens, width), of the score to the embeddings.
    units, unit_gradients: by unit layer, (rows, tokens, units).
    """

    scores: Tensor
    gradient: Tensor
    units: Mapping[str, Tensor] = field(default_factory=dict)
    unit_gradients: Mapping[str, Tensor] = field(default_factory=dict)


def token_score(logits: Tensor, target: Target) -> Tensor:
    """The explained quantity of each row, (rows,), from logits (rows, tokens, vocabulary)."""
    if not isinstance(target, TokenLogit):
        raise TypeError(f"{target!r} is no target of a language model")
    return logits[:, target.position, target.index]


class TokenPasses:
    """Passes over one language model. Rows of a call have one length; `keep` masks padding to the right.

    edits: changes of units that every pass makes, besides those a call asks for.
    """

    def __init__(
        self, model: LanguageModel, speed: Speed | None = None, meter: Meter | None = None, edits: Sequence[UnitEdit] = ()
    ) -> None:
        self.model = model
        self.edits = tuple(edits)
        size = CPU_CHUNK if model.device.type == "cpu" else GPU_CHUNK
        self.chunks = Chunks(model.device, size, "text", speed or Speed(), meter or Meter())
        # A part of a pass says nothing about the pace of whole ones, which forecasts are made of.
        self.partway = replace(self.chunks, speed=Speed())

    @property
    def spent(self) -> PassCount:
        """Rows passed so far."""
        return self.chunks.meter.spent

    def prefix(self, tokens: Tensor, layers: Sequence[str]) -> Prefix:
        """What `forward` may take up again where rows are one prompt (1, tokens) that is changed in these unit layers only."""
        points = [self.model.units[name] for name in layers]
        return record_prefix(self.model.module, points, lambda: self.forward(tokens, logits="none"))

    def forward(
        self,
        tokens: Tensor,
        *,
        keep: Tensor | None = None,
        logits: Positions = "last",
        units: Sequence[str] = (),
        residual: bool = False,
        edits: Sequence[UnitEdit] = (),
        visit: Callable[[str, Tensor], None] | None = None,
        prefix: Prefix | None = None,
    ) -> TokenRecord:
        """Pass rows of token ids, int64 (rows, tokens), or of embeddings, (rows, tokens, width).

        keep: bool (rows, tokens), false for padding, which must stand on the right; "last" is then each row's last kept token.
        visit: called in the pass with each recorded unit layer's values instead of keeping them.
        prefix: of the one prompt that all rows repeat; layers inside it are not run, so they can be neither recorded nor edited.
        Raises OutOfMemory.
        """

        def work(part: Tensor, where: slice) -> TokenRecord:
            kept = keep[where].to(self.model.device) if keep is not None else None
            with (
                torch.inference_mode(),
                resumed(self.model.module, prefix, len(part)),
                self._hooked(units, edits, where, visit) as found,
            ):
                hidden, streams = self.model.body(part, kept, residual)
                chosen = self._chosen(hidden, kept, logits)
                out = self.model.head(chosen) if chosen is not None else None
            return TokenRecord(out, self._values(found), streams)

        chunks = self.chunks if prefix is None else self.partway
        return chunks.run(self._placed(tokens), work, backward=False)

    def gradient(
        self, embeddings: Tensor, target: Target, *, units: Sequence[str] = (), edits: Sequence[UnitEdit] = ()
    ) -> TokenGradientRecord:
        """The target's score and its gradient to embeddings (rows, tokens, width) and to the unit layers. Raises OutOfMemory."""

        def work(part: Tensor, where: slice) -> TokenGradientRecord:
            part = part.detach().requires_grad_(True)
            with torch.enable_grad(), self._hooked(units, edits, where, None) as found:
                hidden, _ = self.model.body(part, None, False)
                position = target.position if isinstance(target, TokenLogit) else -1
                scores = token_score(self.model.head(hidden[:, [position]]), _at_last(target))
                gradient, *others = torch.autograd.grad(scores.sum(), [part, *found.values()])
            return TokenGradientRecord(
                scores.detach(),
                gradient,
                self._values({name: tensor.detach() for name, tensor in found.items()}),
                self._values(dict(zip(found, others, strict=True))),
            )

        return self.chunks.run(self._placed(embeddings), work, backward=True)

    def embeddings(self, tokens: Tensor) -> Tensor:
        """What the model reads for token ids (rows, tokens): (rows, tokens, width)."""
        with torch.no_grad():
            return self.model.embed(tokens.to(self.model.device))

    def _placed(self, rows: Tensor) -> Tensor:
        return rows.to(self.model.device) if rows.dim() == 2 else rows.to(self.model.device, self.model.dtype)

    def _values(self, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: self.model.units[name].values(tensor) for name, tensor in found.items()}

    @contextmanager
    def _hooked(
        self, names: Sequence[str], edits: Sequence[UnitEdit], where: slice, visit: Callable[[str, Tensor], None] | None
    ) -> Iterator[dict[str, Tensor]]:
        made = [*self.edits, *(edit.rows(where) for edit in edits)]
        with hooked(self.model.module, self.model.units, names, made, visit) as found:
            yield found

    @staticmethod
    def _chosen(hidden: Tensor, keep: Tensor | None, positions: Positions) -> Tensor | None:
        if positions == "none":
            return None
        if positions == "all":
            return hidden
        if keep is None:
            return hidden[:, -1:]
        last = keep.long().sum(dim=1) - 1  # (rows,)
        return hidden[torch.arange(len(hidden), device=hidden.device), last][:, None]


def _at_last(target: Target) -> Target:
    """The same token, of logits that hold the explained position alone."""
    return TokenLogit(target.index, -1) if isinstance(target, TokenLogit) else target
