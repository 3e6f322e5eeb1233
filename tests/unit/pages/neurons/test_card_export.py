"""What a card exports: numbers that any JSON reader takes, Neuronpedia's names, cells no spreadsheet computes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from backend.methods.neurons.unit import Unit
from backend.methods.question import Corpus
from backend.store.unit_index import UnitRecord
from pages.neurons.export import Seen, Shown, Written, card_json, examples_csv
from pages.neurons.phrases import Phrase

RECORD = UnitRecord(
    np.array([1, 0, 7, 2], np.uint32), -1.0, 3.0, -0.9, 7.1, 0.1, 0.5, 2.0, float("nan"), 0.25, {0.5: 0.1, 0.99: 2.5}, {}
)
PHRASE = Phrase((" on", " Monday"), np.array([float("nan"), 7.1], np.float32), 1, 7.1, 3, "=cmd()", 2)


@pytest.fixture
def shown() -> Shown:
    labels = ({"explanations": [{"description": "weekdays"}]},)
    written = (Written(5, " Monday", 0.4), Written(6, " its", -0.1), Written(7, " upon", -0.2))
    examples = {"top": (PHRASE,), "bottom": ()}
    unit, corpus = Unit("mlp.17", 842), Corpus("documents", "ab" * 32)
    return Shown("smollm2-135m-instruct", "abc", unit, "neuron", corpus, 1536, RECORD, examples, written, labels, "http://here/")


def _refuse(constant: str) -> None:
    raise AssertionError(constant)


def test_the_json_holds_the_card_and_no_number_json_does_not_know(shown: Shown) -> None:
    card = json.loads(card_json(shown), parse_constant=_refuse)
    assert card["weights"] == "SmolLM2-135M, Q4_1 de-quantised"
    assert card["unit"] == {"layer": "mlp.17", "index": 842, "kind": "neuron"}
    assert card["statistics"]["kurtosis"] is None
    assert card["statistics"]["maximum"] == 7.1
    assert card["histogram"]["counts"] == [1, 0, 7, 2]
    assert card["examples"]["top"][0]["values"] == [None, pytest.approx(7.1)]


def test_neuronpedia_finds_its_own_names(shown: Shown) -> None:
    neuron = json.loads(card_json(shown))["neuronpedia"]
    assert (neuron["modelId"], neuron["layer"], neuron["index"]) == ("smollm2-135m-instruct", "17-mlp", "842")
    assert (neuron["pos_str"], neuron["neg_str"]) == ([" Monday"], [" upon", " its"])
    assert neuron["neg_values"] == [-0.2, -0.1]
    assert neuron["activations"][0]["maxValueTokenIndex"] == 1
    assert neuron["activations"][0]["minValue"] == pytest.approx(7.1)
    assert neuron["explanations"] == [{"description": "weekdays"}]
    assert neuron["freq_hist_data_bar_values"] == [-0.5, 0.5, 1.5, 2.5]


def test_the_table_has_a_line_an_example_and_nothing_to_compute(shown: Shown) -> None:
    rows = list(csv.DictReader(io.StringIO(examples_csv(shown))))
    assert len(rows) == 1
    assert rows[0] == {
        "band": "top", "value": "7.1", "item": "3", "place": "1", "source": "'=cmd()", "times": "2", "text": " on Monday",
    }  # fmt: skip


def test_pictures_are_told_by_number_source_and_cell(shown: Shown) -> None:
    pictures = replace(shown, examples={"top": (Seen(6.0, 12, "Cat", 33),)}, written=(), labels=())
    assert json.loads(card_json(pictures))["examples"]["top"] == [{"value": 6.0, "item": 12, "source": "Cat", "cell": 33}]
    assert list(csv.reader(io.StringIO(examples_csv(pictures))))[1] == ["top", "6", "12", "33", "Cat", "1", ""]
