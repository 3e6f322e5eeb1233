"""The interventional half of a label test: the unit takes, at one token, the value it has in a text of the other kind."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from backend.methods.neurons.labels.draws import Draw
from backend.methods.neurons.labels.readings import batches, padded
from backend.methods.neurons.labels.rules import Rule
from backend.methods.neurons.labels.text_places import TextPlaces
from backend.methods.neurons.unit import Unit
from backend.methods.neurons.weights.unembedding import readout, writes
from backend.methods.steps import Progress
from backend.models.hooks import UnitEdit

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

WRITTEN = 10  # tokens that a neuron raises most


@dataclass(frozen=True)
class Pairs:
    """Tokens of the corpus, int64 (pairs,) each: where the label is true, and where it is not, of texts without it.

    Each has a next token in its text.
    """

    true: np.ndarray
    other: np.ndarray


@dataclass(frozen=True)
class Effects:
    """What the interchange changes, float64 (pairs,) each.

    written: where the label is not true, by how much the tokens the neuron writes rise when it takes the value from where
        the label is; logits against the vocabulary's mean.
    loss: where it is true, by how much the next token's loss rises, in nats, when it takes the value from where it is not.
    """

    written: np.ndarray
    loss: np.ndarray


@dataclass(frozen=True)
class _Pass:
    """units: (contexts, neurons of the layer) at the last token. written: (contexts, chosen neurons). loss: (contexts,)."""

    units: np.ndarray
    written: np.ndarray
    loss: np.ndarray


def pairs(one: Draw, rule: Rule, places: TextPlaces, count: int, seed: int) -> Pairs:
    """A token a text, drawn at random, never by the activation there."""
    random, true = np.random.default_rng(seed), places.true_at(rule)
    ended = np.zeros(len(places.tokens), dtype=bool)
    ended[places.starts[1:] - 1] = True
    allowed = {1: true & places.tested & ~ended, 0: places.tested & ~ended}
    found: dict[int, list[int]] = {1: [], 0: []}
    for item, kind in zip(one.items.tolist(), one.stratum.tolist(), strict=True):
        start, stop = int(places.starts[item]), int(places.starts[item + 1])
        open_to = np.flatnonzero(allowed[kind][start:stop])
        if len(open_to):
            found[kind].append(start + int(random.choice(open_to)))
    size = min(count, len(found[1]), len(found[0]))
    return Pairs(np.array(found[1][:size], dtype=np.int64), np.array(found[0][:size], dtype=np.int64))


class Interchange:
    """Interchanges of one layer's neurons; `neurons` are those that can be asked for, the tested one first."""

    def __init__(self, asking: TokenAsking, layer: str, neurons: Sequence[int], places: TextPlaces) -> None:
        self.asking = asking
        self.layer = layer
        self.neurons = tuple(neurons)
        self.places = places
        effect = writes(asking.model, layer)[list(neurons)] @ readout(asking.model).T  # (neurons, vocabulary)
        self.written = effect.topk(min(WRITTEN, effect.shape[1]), dim=1).indices  # (neurons, 10)

    def effects(self, made: Pairs, count: int) -> Generator[Progress, None, list[Effects]]:
        """The effects of the first `count` neurons, each with values of its own, `yield from` it."""
        size, contexts = len(made.true), np.concatenate([made.true, made.other])
        plain = yield from self._passed(contexts, None, None)
        found = []
        for number, neuron in enumerate(self.neurons[:count]):
            own = plain.units[:, neuron]
            values = np.concatenate([own[size:], own[:size]])  # each takes the other's
            edited = yield from self._passed(contexts, neuron, values)
            rise = (edited.written - plain.written)[size:, number]
            found.append(Effects(rise.astype(np.float64), (edited.loss - plain.loss)[:size].astype(np.float64)))
        return found

    def _passed(self, contexts: np.ndarray, neuron: int | None, values: np.ndarray | None) -> Generator[Progress, None, _Pass]:
        starts = self.places.starts[self.places.item_of[contexts]]
        rows = [self.places.tokens[start : place + 1] for start, place in zip(starts, contexts, strict=True)]
        parts: dict[int, tuple[np.ndarray, np.ndarray, float]] = {}
        for batch in batches({number: len(row) for number, row in enumerate(rows)}):
            given = None if values is None else values[batch]
            following = self.places.tokens[contexts[batch] + 1]
            for number, part in zip(batch, self._pass([rows[b] for b in batch], following, neuron, given), strict=True):
                parts[number] = part
            yield Progress(len(parts), len(rows))
        units, written, loss = zip(*(parts[number] for number in range(len(rows))), strict=True)
        return _Pass(np.stack(units), np.stack(written), np.array(loss))

    def _pass(
        self, rows: list[np.ndarray], following: np.ndarray, neuron: int | None, values: np.ndarray | None
    ) -> list[tuple[np.ndarray, np.ndarray, float]]:
        tokens, keep = padded(rows)
        ends = keep.sum(dim=1) - 1  # (rows,)
        edits = [] if neuron is None or values is None else [self._edit(tokens, ends, neuron, values)]
        record = self.asking.forward(tokens, keep=keep, units=[self.layer], edits=edits)
        logits = record.logits[:, 0].float()  # type: ignore[index]  # (rows, vocabulary)
        at_end = record.units[self.layer][torch.arange(len(rows)), ends.to(logits.device)].float()
        raised = logits[:, self.written].mean(dim=2) - logits.mean(dim=1, keepdim=True)  # (rows, neurons)
        target = torch.from_numpy(following.astype(np.int64)).to(logits.device)
        loss = torch.nn.functional.cross_entropy(logits, target, reduction="none")
        return list(zip(at_end.cpu().numpy(), raised.cpu().numpy(), loss.tolist(), strict=True))

    def _edit(self, tokens: Tensor, ends: Tensor, neuron: int, values: np.ndarray) -> UnitEdit:
        """The neuron set to a value of its own at each row's last kept token."""
        model = self.asking.model
        shape = (*tokens.shape, model.units[self.layer].count)
        factor = torch.ones(shape, device=model.device, dtype=model.dtype)
        offset = torch.zeros(shape, device=model.device, dtype=model.dtype)
        rows = torch.arange(len(tokens))
        factor[rows, ends, neuron] = 0
        offset[rows, ends, neuron] = torch.from_numpy(values).to(offset)
        return UnitEdit(self.layer, factor, offset)


def unit_neurons(unit: Unit, count: int, controls: int, seed: int) -> list[int]:
    """The tested neuron, then random others of its layer."""
    others = np.random.default_rng(seed).permutation(np.delete(np.arange(count), unit.index))
    return [unit.index, *others[:controls].tolist()]
