"""The label of an image unit: the classes that the model sees in the pictures which drive it."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from backend.data.corpora import ImageCorpus, image_corpus
from backend.methods.neurons.label_neuron import LabelCandidate, LabelProposal
from backend.methods.neurons.labels.candidates import expected_f1
from backend.methods.neurons.labels.firing import HALF, examples_of
from backend.methods.neurons.labels.rules import MOST_WORDS, Rule
from backend.methods.neurons.unit import Unit
from backend.methods.question import Question
from backend.methods.steps import Progress, Result, Step
from backend.store.unit_index import UnitIndex

if TYPE_CHECKING:
    from backend.engine.asking import Asking

SHOWN = 8
ROWS = 16  # pictures a step


def propose_image(question: Question, asking: Asking, unit: Unit, index: UnitIndex) -> Iterator[Step]:
    """Yield progress, then the proposal: classes by their share among the strongest pictures and in the random sample."""
    pictures = image_corpus(question.inputs)  # type: ignore[arg-type]
    sampled, (strong, threshold) = index.sampled_values(unit), strong_items(index, unit)
    if not strong:
        note = "It was never above zero in its examples, so there is nothing to name."
        yield Result(LabelProposal(unit.layer, unit.index, "", (), 0, 0.0, 0.0, note, asking.spent))
        return
    items = [*strong, *map(int, index.sampled_items)]
    classes = yield from seen_classes(asking, pictures, items)
    own, others = classes[: len(strong)], classes[len(strong) :]
    chosen = class_candidates(own, others, asking.model.card.labels, float((sampled > threshold).mean()))
    note = (
        f"From {len(strong)} pictures above {threshold:.3g}, half of the largest activation, and {len(others)} drawn at random."
    )
    yield Result(
        LabelProposal(
            unit.layer,
            unit.index,
            chosen[0].label,
            tuple(chosen[:SHOWN]),
            len(strong),
            threshold,
            float((sampled > threshold).mean()),
            note,
            asking.spent,
        )
    )


def strong_items(index: UnitIndex, unit: Unit) -> tuple[list[int], float]:
    """The pictures of the examples above half of the largest activation, and that half; none where it is not positive."""
    examples = examples_of(index, unit)
    threshold = HALF * examples[0].value if examples else 0.0
    return [example.item for example in examples if example.value > threshold > 0], threshold


def seen_classes(asking: Asking, pictures: ImageCorpus, items: Sequence[int]) -> Generator[Progress, None, np.ndarray]:
    """The class of the largest logit for each item, int64 (items,), `yield from` it."""
    found: list[np.ndarray] = []
    for start in range(0, len(items), ROWS):
        rows = picture_rows(asking, pictures, items[start : start + ROWS])
        found.append(asking.forward(rows).logits.argmax(dim=1).cpu().numpy())
        yield Progress(min(start + ROWS, len(items)), len(items))
    return np.concatenate(found) if found else np.empty(0, np.int64)


def picture_rows(asking: Asking, pictures: ImageCorpus, items: Sequence[int]) -> torch.Tensor:
    """The items as the model's input, (rows, C, H, W)."""
    size = asking.model.card.preprocess
    return torch.stack([asking.tensor(pictures.frame(int(item), size)) for item in items])


def class_candidates(own: np.ndarray, others: np.ndarray, labels: Sequence[str], rate: float) -> list[LabelCandidate]:
    """Rules of one class and of several joined by “or”, best first. Base rates get one picture more, as samples are small."""
    seen, counts = np.unique(own, return_counts=True)
    order = seen[np.argsort(-counts, kind="stable")]
    singles = [_measured(own, others, [int(number)], labels, rate) for number in order]
    joined = [_measured(own, others, order[:size].tolist(), labels, rate) for size in range(2, min(len(order), MOST_WORDS) + 1)]
    return sorted([*singles, *joined], key=lambda found: (-found.expected, found.base, found.label))


def _measured(own: np.ndarray, others: np.ndarray, numbers: list[int], labels: Sequence[str], rate: float) -> LabelCandidate:
    share = float(np.isin(own, numbers).mean())
    base = (int(np.isin(others, numbers).sum()) + 1) / (len(others) + 1)
    rule = Rule("seen as", tuple(labels[number] for number in numbers))
    return LabelCandidate(rule.text, share, base, math.log(share / base), expected_f1(share, base, rate), 0.0)
