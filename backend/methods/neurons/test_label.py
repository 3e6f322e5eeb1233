"""The test of a label: where it is true, does the unit fire, and does the unit matter there? Beside other units' labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from backend.evidence.finding import Verdict
from backend.methods.neurons.label_neuron import LARGEST_UNIT, MOST_ITEMS
from backend.methods.params import Range
from backend.methods.question import Corpus, Question
from backend.methods.registry import Teaching, method
from backend.methods.steps import PassCount, Step
from backend.models.card import UNITS

if TYPE_CHECKING:
    from backend.engine.asking import AnyAsking

SHUFFLED, RANDOM_UNITS = "shuffled labels", "random units"


@dataclass(frozen=True)
class LabelTestParams:
    """Which label of which unit, and how much is drawn to test it."""

    layer: Annotated[str, "The unit's layer; where it is empty, the middle one of the model's neurons or channels."] = ""
    unit: Annotated[int, Range(0, LARGEST_UNIT), "The unit's number in its layer."] = 0
    label: Annotated[str, "What is tested: quoted words, a class of tokens, or classes of images."] = ""
    samples: Annotated[int, Range(8, 128, 4), "Samples with the label in each half, and three times as many drawn from all."] = 16
    controls: Annotated[int, Range(2, 32), "Labels of other units, tested on this unit in the same way."] = 6
    pairs: Annotated[int, Range(4, 64), "Samples with and without the label that interchange the unit's value."] = 8
    items: Annotated[
        int,
        Range(0, MOST_ITEMS),
        "How many samples the index held when this was asked: a larger index makes it another question. 0: whatever it holds.",
    ] = 0


@dataclass(frozen=True)
class LabelMeasure:
    """One number of the test with its 95 % bootstrap interval, and the same number under each control.

    controls: by kind, "shuffled labels" and for effects "random units". Empty while they are still being measured.
    """

    name: str
    value: float
    low: float
    high: float
    controls: Mapping[str, tuple[float, ...]]
    unit: str
    verdict: Verdict | None


@dataclass(frozen=True)
class LabelTest:
    """What the test has found so far.

    measures: "F1", "precision", "recall" of “fires above the threshold”, then "logit" and "loss", the effects of the
        interchange, where there is one. threshold: chosen on one half; all else is of the other.
    base_rate: the share of the corpus of which the label is true. firing: the share on which the unit fires.
    matching: samples with the label in the reported half. shuffled: the labels that served as controls.
    protocol: how the numbers were obtained, in words a reader can repeat.
    """

    layer: str
    unit: int
    label: str
    measures: tuple[LabelMeasure, ...]
    threshold: float
    base_rate: float
    firing: float
    matching: int
    shuffled: tuple[str, ...]
    protocol: str
    passes: PassCount

    def measure(self, name: str) -> LabelMeasure | None:
        """The measure of that name; None where it was not taken."""
        return next((measure for measure in self.measures if measure.name == name), None)


def label_numbers(test: LabelTest) -> dict[str, float | str]:
    """The test in a flat form, as the store keeps it beside a label: "f1", "f1_low", "f1_high".

    Controls are their mean, "shuffled" of F1 and "precision_shuffled" or "logit_random" of others, and "_least" and "_most".
    """
    found: dict[str, float | str] = {"matching": test.matching, "protocol": test.protocol}
    for measure in test.measures:
        name = measure.name.lower().replace(" ", "_")
        found |= {name: measure.value, f"{name}_low": measure.low, f"{name}_high": measure.high}
        for control, values in measure.controls.items():
            short = "shuffled" if control == SHUFFLED else "random"
            key = short if name == "f1" else f"{name}_{short}"
            if values:
                found |= {key: sum(values) / len(values), f"{key}_least": min(values), f"{key}_most": max(values)}
        if measure.verdict:
            found[f"{name}_verdict"] = measure.verdict
    return found


@method(
    "test_label",
    title="Label test",
    page="neurons",
    params=LabelTestParams,
    inputs=Corpus,
    needs=frozenset({UNITS}),
    returns=LabelTest,
    is_check=True,
    teaching=Teaching(
        "Asks whether the unit fires where its label is true and nowhere else, and whether its value makes the difference there.",
        "It cannot tell what the unit does on text or pictures unlike the corpus, nor test a label that no rule can match.",
        "After Huang et al. 2023, Rigorously Assessing Natural Language Explanations of Neurons.",
    ),
    cost=lambda params, card: PassCount((params.samples * 4 + params.pairs * 3) * 2 * (params.controls + 1)),
)
def test_label(question: Question, asking: AnyAsking) -> Iterator[Step]:
    """Yield the test as its numbers come in. Raises ParameterError for a label that cannot be matched or is too rare."""
    from backend.methods.neurons.labels.trial import trial

    yield from trial(question, asking)
