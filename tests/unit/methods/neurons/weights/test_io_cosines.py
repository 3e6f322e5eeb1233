"""Input-output classes: cosines by brute force, the rule of the paper, and the planted neurons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from backend.methods.neurons.io_functionality import IO_CLASSES, IoFunctionality, io_classes
from backend.methods.neurons.weights.io_cosines import io_cosines
from backend.methods.steps import Result
from backend.models.loaded import LanguageModel
from tests.unit.methods.neurons.planted_transformer import IO, flat


def result_of(model: LanguageModel, threshold: float = 0.5) -> IoFunctionality:
    *_, last = io_cosines(model, threshold, 0)
    assert isinstance(last, Result)
    return last.value


def test_cosines_are_those_of_the_modules_weights(planted: LanguageModel) -> None:
    module: Any = planted.module
    found, rows = result_of(planted), []
    for block in module.model.layers:
        gain = block.post_attention_layernorm.weight
        read, gate = block.mlp.up_proj.weight * gain, block.mlp.gate_proj.weight * gain
        pairs = ((read, block.mlp.down_proj.weight.T), (gate, block.mlp.down_proj.weight.T), (gate, read))
        rows.append(torch.stack([torch.nn.functional.cosine_similarity(*pair, dim=1) for pair in pairs]))
    expected = torch.cat(rows, dim=1).numpy()
    for values, wanted in zip((found.read_write, found.gate_write, found.gate_read), expected, strict=True):
        assert np.allclose(values, wanted, atol=1e-5)
    assert found.folded


def test_every_neuron_has_the_class_it_was_planted_for(planted: LanguageModel) -> None:
    found = result_of(planted)
    expected = np.zeros(len(found.classes))
    for (layer, unit), name in IO.items():
        expected[flat(layer, unit)] = IO_CLASSES.index(name)
    assert np.array_equal(found.classes, expected)
    assert found.typical.all()
    assert found.control[0] == 1
    assert found.shares[1].tolist() == [11 / 16, *[1 / 16] * 5]


def test_after_shuffling_the_classes_are_gone(shuffled: LanguageModel) -> None:
    assert not result_of(shuffled).classes.any()


@pytest.mark.parametrize(
    ("read_write", "gate_write", "gate_read", "name", "typical"),
    [
        (0.6, 0.6, 0.6, "enrichment", True),
        (0.6, -0.6, -0.6, "enrichment", True),
        (0.6, 0.6, 0.1, "enrichment", False),
        (0.6, 0.5, 0.1, "conditional enrichment", True),
        (0.6, 0.1, 0.6, "conditional enrichment", False),
        (-0.6, 0.6, -0.6, "depletion", True),
        (-0.6, -0.6, 0.6, "depletion", True),
        (-0.6, 0.6, 0.0, "depletion", False),
        (-0.6, 0.2, 0.2, "conditional depletion", True),
        (0.2, -0.6, 0.1, "proportional change", True),
        (0.2, 0.6, 0.7, "proportional change", False),
        (0.5, 0.5, 0.9, "orthogonal output", True),  # the threshold itself is not above it
        (0.6, np.nan, np.nan, "enrichment", True),
        (-0.6, np.nan, np.nan, "depletion", True),
        (0.1, np.nan, np.nan, "orthogonal output", True),
    ],
)
def test_the_rule(read_write: float, gate_write: float, gate_read: float, name: str, typical: bool) -> None:
    classes, agrees = io_classes(np.array([read_write]), np.array([gate_write]), np.array([gate_read]), 0.5)
    assert IO_CLASSES[classes[0]] == name
    assert bool(agrees[0]) is typical


def test_neurons_without_gates_have_one_cosine_and_say_so(gpt2_shaped: LanguageModel) -> None:
    found = result_of(gpt2_shaped, threshold=0.2)
    assert not found.gated
    assert "no gate" in found.note
    assert np.isnan(found.gate_write).all()
    assert set(np.unique(found.classes)) <= {IO_CLASSES.index(name) for name in ("orthogonal output", "enrichment", "depletion")}
    assert len(np.unique(found.classes)) > 1  # so low a threshold splits even random weights, as the control says
    assert found.control[0] < 1


def test_turning_input_and_output_round_leaves_the_class(planted: LanguageModel) -> None:
    """(−w_in, −w_out) is the same neuron with its activation's sign turned, so its class must not change."""
    found = result_of(planted)
    classes, _ = io_classes(found.read_write, -found.gate_write, -found.gate_read, 0.5)
    assert np.array_equal(classes, found.classes)


def test_the_default_models_classes_are_above_chance(smollm2: LanguageModel) -> None:
    """The paper's finding on 12 larger models holds here: enrichment comes before depletion. SmolLM2-135M, Q4_1 de-quantised."""
    found = result_of(smollm2)
    enriching = found.shares[:, [IO_CLASSES.index("enrichment"), IO_CLASSES.index("conditional enrichment")]].sum(axis=1)
    depleting = found.shares[:, [IO_CLASSES.index("depletion"), IO_CLASSES.index("conditional depletion")]].sum(axis=1)
    assert enriching[5:15].mean() > 5 * depleting[5:15].mean()
    assert depleting[18:].mean() > 3 * enriching[18:].mean()
    assert found.control[0] > 0.999
