"""Labels: written, edited, undone, voted on and tested, and nothing lost when two processes write at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from backend import limits
from backend.methods.neurons.unit import Unit
from backend.store.database import Database
from backend.store.label_export import exported
from backend.store.labels import LabelError, LabelGone, Labels

ROOT = Path(__file__).resolve().parents[3]
UNIT = Unit("mlp.17", 842)
WRITER = """
import sys
from backend.methods.neurons.unit import Unit
from backend.store.labels import Labels
name, shared, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
labels = Labels("lm", "r1")
for number in range(count):
    labels.add(Unit("mlp.0", number), f"{name} {number}", author=name)
    labels.edit(shared, f"{name} {number}", author=name)
    labels.vote(shared, f"{name} {number}", 1)
"""


@pytest.fixture
def labels() -> Labels:
    return Labels("lm", "r1")


def test_a_label_is_found_with_its_unit_model_and_revision(labels: Labels) -> None:
    label = labels.add(UNIT, " names of\nweekdays ", author="Ada", rule="“Monday”")
    assert (label.text, label.rule, label.author, label.source, label.version) == (
        "names of weekdays", "“Monday”", "Ada", "people", 1,
    )  # fmt: skip
    assert labels.of(UNIT) == labels.all() == (label,)
    assert labels.best() == {UNIT: label}
    assert labels.of(Unit("mlp.17", 843)) == Labels("lm", "r2").all() == Labels("other", "r1").all() == ()


def test_an_edit_is_undone_and_redone_and_the_history_keeps_all(labels: Labels) -> None:
    label = labels.add(UNIT, "days", author="Ada")
    labels.edit(label.id, "weekdays", author="Bo")
    back = labels.undo(label.id)
    assert back is not None
    assert (back.text, back.version) == ("days", 1)
    third = labels.edit(label.id, "days of the week", author="Ada")
    assert (third.version, labels.history(label.id)[2].before) == (3, 1)
    assert labels.restore(label.id, 2).text == "weekdays"
    assert labels.undo(label.id).text == "days"  # type: ignore[union-attr]
    assert labels.undo(label.id) is None
    assert labels.of(UNIT) == ()
    assert [version.text for version in labels.history(label.id)] == ["days", "weekdays", "days of the week"]
    assert labels.restore(label.id, 3).text == "days of the week"
    with pytest.raises(LabelGone, match="no version 9"):
        labels.restore(label.id, 9)


def test_a_machine_has_one_label_a_method(labels: Labels) -> None:
    first = labels.add(UNIT, "numbers", author="label_neuron", source="machine", method="label_neuron")
    same = labels.add(UNIT, "numbers", author="label_neuron", source="machine", method="label_neuron")
    other = labels.add(UNIT, "years", author="label_neuron", source="machine", method="label_neuron")
    assert first.id == same.id == other.id
    assert (same.version, other.version) == (1, 2)
    assert len(labels.of(UNIT)) == 1


def test_a_machines_label_that_was_withdrawn_stays_withdrawn(labels: Labels) -> None:
    for _ in range(2):
        labels.propose(UNIT, "numbers", rule="numbers", method="label_neuron")
    (label,) = labels.of(UNIT)
    assert (label.version, label.source, label.author) == (1, "machine", "label_neuron")
    labels.undo(label.id)
    labels.propose(UNIT, "numbers", rule="numbers", method="label_neuron")
    assert labels.of(UNIT) == ()
    labels.propose(UNIT, "years", rule="years", method="label_neuron")
    assert [(each.id, each.text) for each in labels.of(UNIT)] == [(label.id, "years")]


def test_votes_order_labels_and_can_be_taken_back(labels: Labels) -> None:
    first, second = (labels.add(UNIT, text, author="Ada") for text in ("days", "dates"))
    labels.vote(first.id, "Bo", 1)
    labels.vote(first.id, "Bo", 1)
    labels.vote(second.id, "Bo", -1)
    assert [(label.text, label.agree, label.disagree) for label in labels.of(UNIT)] == [("days", 1, 0), ("dates", 0, 1)]
    labels.vote(first.id, "Bo", 0)
    labels.vote(second.id, "Cy", 1)
    labels.vote(second.id, "Bo", 1)
    assert labels.best()[UNIT].text == "dates"
    with pytest.raises(LabelError, match="not 5"):
        labels.vote(first.id, "Bo", 5)  # type: ignore[arg-type]


def test_a_test_belongs_to_the_version_it_tested(labels: Labels) -> None:
    label = labels.add(UNIT, "days", author="Ada")
    labels.keep_test(label, "a" * 64, {"f1": 0.8})
    labels.keep_test(label, "a" * 64, {"f1": 0.1})
    assert labels.label(label.id).test == {"f1": 0.8}
    labels.edit(label.id, "weekdays", author="Ada")
    assert labels.label(label.id).test == {}
    labels.undo(label.id)
    assert labels.label(label.id).test == {"f1": 0.8}


def test_the_state_tells_every_change(labels: Labels) -> None:
    seen = [labels.state()]
    label = labels.add(UNIT, "days", author="Ada")
    seen.append(labels.state())
    labels.edit(label.id, "dates", author="Ada")
    seen.append(labels.state())
    labels.undo(label.id)
    seen.append(labels.state())
    assert len(set(seen)) == 4
    labels.vote(label.id, "Ada", 1)
    assert labels.state() == seen[-1]


@pytest.mark.parametrize(
    ("text", "author", "message"),
    [
        (" \n\x00", "Ada", "at least one letter"),
        ("x" * 201, "Ada", "201 characters; the limit is 200"),
        ("days", "", "has 0 characters; it must have 1 to 40"),
        ("days", "A" * 41, "has 41 characters"),
    ],
)
def test_what_cannot_be_written_is_told(labels: Labels, text: str, author: str, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        labels.add(UNIT, text, author=author)
    kept = labels.add(UNIT, "kept", author="Ada")
    with pytest.raises(LabelError, match=message):
        labels.edit(kept.id, text, author=author)
    assert labels.of(UNIT) == (kept,)


def test_a_unit_takes_no_more_labels_than_anybody_reads(labels: Labels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LABELS_OF_UNIT", 1)
    labels.add(UNIT, "days", author="Ada")
    with pytest.raises(LabelError, match="has 1 labels; the limit is 1"):
        labels.add(UNIT, "dates", author="Ada")


def test_labels_of_another_model_cannot_be_touched(labels: Labels) -> None:
    label = labels.add(UNIT, "days", author="Ada")
    other = Labels("lm", "r2")
    for call in (
        lambda: other.edit(label.id, "x", author="Bo"),
        lambda: other.undo(label.id),
        lambda: other.vote(label.id, "Bo", 1),
        lambda: other.keep_test(label, "a" * 64, {}),
        lambda: other.label(label.id),
        lambda: other.history("none"),
    ):
        with pytest.raises(LabelGone, match="is not on this machine"):
            call()


def test_two_processes_labelling_at_once_lose_nothing(home: Path, labels: Labels) -> None:
    shared, count = labels.add(Unit("mlp.1", 0), "first", author="Ada"), 40
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, name, shared.id, str(count)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for name in ("Ada", "Bo")
    ]
    assert [(writer.wait(timeout=120), writer.stderr.read()) for writer in writers if writer.stderr] == [(0, ""), (0, "")]
    written = {label.text for label in Labels("lm", "r1", Database(home / "vitrine.db")).all()}
    expected = {f"{name} {number}" for name in ("Ada", "Bo") for number in range(count)}
    assert expected <= written
    history = labels.history(shared.id)
    assert {version.text for version in history} == expected | {"first"}
    assert [version.number for version in history] == list(range(1, 2 * count + 2))
    assert [version.before for version in history] == list(range(2 * count + 1))  # each replaced the one that stood then
    assert labels.label(shared.id).agree == 2 * count


def test_the_export_has_neuronpedias_words_and_is_json(labels: Labels) -> None:
    label = labels.add(UNIT, "days", author="Ada", rule="“Monday”")
    labels.add(Unit("blocks.3", 2), "fur", author="label_neuron", source="machine", method="label_neuron")
    labels.keep_test(label, "a" * 64, {"f1": 0.8, "note": "held out"})
    labels.vote(label.id, "Bo", 1)
    blocks, days = json.loads(json.dumps(exported(labels)))
    assert (blocks["layer"], blocks["explanations"][0]["typeName"]) == ("blocks.3", "label_neuron")
    assert (days["modelId"], days["layer"], days["index"]) == ("lm", "17-mlp", "842")
    explanation = days["explanations"][0]
    assert (explanation["description"], explanation["votes"]) == ("days", {"for": 1, "against": 0})
    assert explanation["scores"] == [{"explanationScoreTypeName": "f1", "value": 0.8}]
    assert [version["text"] for version in explanation["history"]] == ["days"]
    assert exported(labels, Unit("blocks.3", 2)) == [blocks]
