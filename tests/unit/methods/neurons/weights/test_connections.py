"""What a neuron is wired to, against composed matrices built in full, and as planted."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor

from backend.methods.neurons.neuron_connections import Connection, NeuronConnections, NeuronConnectionsParams
from backend.methods.neurons.weights.connections import connections
from backend.methods.params import ParameterError
from backend.models.loaded import LanguageModel
from tests.unit.methods.neurons.planted_transformer import HEAD_SIZE, HEADS

ALL = 100


def of(model: LanguageModel, layer: str, unit: int, count: int = ALL) -> NeuronConnections:
    return connections(model, NeuronConnectionsParams(layer, unit, count), 0)


def test_a_reader_finds_its_writer_and_the_writer_its_reader(planted: LanguageModel) -> None:
    reader, writer = of(planted, "mlp.2", 0, 2), of(planted, "mlp.0", 3, 2)
    assert {(c.layer, c.unit, c.port) for c in reader.neurons_before} == {("mlp.0", 3, "input"), ("mlp.0", 3, "gate")}
    assert {(c.layer, c.unit, c.port) for c in writer.neurons_after} == {("mlp.2", 0, "input"), ("mlp.2", 0, "gate")}
    assert reader.neurons_before[0].alignment == pytest.approx(1, abs=1e-4)
    assert reader.chance_before[0] < 0.8  # what its shuffled weights reach


def test_after_shuffling_they_do_not(shuffled: LanguageModel) -> None:
    found = of(shuffled, "mlp.2", 0, 2)
    assert all(abs(connection.alignment) < 0.8 for connection in found.neurons_before)


def test_the_resting_neuron_finds_its_head(planted: LanguageModel) -> None:
    found = of(planted, "mlp.0", 2, 1).heads_after[0]
    assert (found.layer, found.unit, found.port) == ("attention.2", 1, "query")
    assert found.alignment == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("layer", "unit"), [("mlp.1", 4), ("mlp.2", 9)])
def test_heads_are_aligned_as_their_whole_matrices_are(planted: LanguageModel, layer: str, unit: int) -> None:
    number = int(layer[-1])
    block = _blocks(planted)[number]
    gain = block.post_attention_layernorm.weight
    ports = {"input": block.mlp.up_proj.weight[unit] * gain, "gate": block.mlp.gate_proj.weight[unit] * gain}
    write = _unit(block.mlp.down_proj.weight[:, unit])
    found = of(planted, layer, unit)
    for connection in found.heads_before:
        whole = _matrices(planted, connection)["output"]
        assert connection.alignment == pytest.approx(_aligned(whole.T, _unit(ports[connection.port])), abs=1e-4)
    for connection in found.heads_after:
        whole = _matrices(planted, connection)[connection.port]
        assert connection.alignment == pytest.approx(_aligned(whole, write), abs=1e-4)
    assert len(found.heads_before) == (number + 1) * HEADS * 2
    assert len(found.heads_after) == (3 - number) * HEADS * 3


def test_neurons_are_aligned_by_cosine(planted: LanguageModel) -> None:
    blocks, found = _blocks(planted), of(planted, "mlp.1", 2)
    read = _unit(blocks[1].mlp.up_proj.weight[2] * blocks[1].post_attention_layernorm.weight)
    for connection in found.neurons_before:
        if connection.port == "input":
            written = _unit(blocks[0].mlp.down_proj.weight[:, connection.unit])
            assert connection.alignment == pytest.approx(float(read @ written), abs=1e-5)
    sizes = [abs(connection.alignment) for connection in found.neurons_before]
    assert sizes == sorted(sizes, reverse=True)


def test_fused_attention_is_read_too(gpt2_shaped: LanguageModel) -> None:
    module: Any = gpt2_shaped.module
    attention, norm = module.transformer.h[2].attn, module.transformer.h[2].ln_1.weight
    query, key, _ = (part.T.unflatten(0, (4, 8)) for part in attention.c_attn.weight.chunk(3, dim=1))
    write = module.transformer.h[1].mlp.c_proj.weight[5]
    write = _unit(write - write.mean())
    found = next(c for c in of(gpt2_shaped, "mlp.1", 5).heads_after if c.unit == 3 and c.port == "query")
    whole = (key[3] * norm).T @ (query[3] * norm)
    assert found.alignment == pytest.approx(_aligned(whole, write), abs=1e-4)


@pytest.mark.parametrize(
    ("layer", "unit", "said"),
    [("mlp.4", 0, "no MLP 'mlp.4' in planted"), ("attention.0", 0, "no MLP"), ("mlp.1", 16, "Unit: 16 is outside 0 to 15")],
)
def test_a_neuron_that_is_not_there_is_refused(planted: LanguageModel, layer: str, unit: int, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        of(planted, layer, unit)


def test_the_default_is_the_middle_layer(planted: LanguageModel) -> None:
    assert of(planted, "", 0).layer == "mlp.2"


def _blocks(model: LanguageModel) -> Any:
    module: Any = model.module
    return module.model.layers


def _unit(vector: Tensor) -> Tensor:
    return vector / vector.norm()


def _aligned(whole: Tensor, direction: Tensor) -> float:
    return float((whole @ direction).norm() / whole.norm())


def _matrices(model: LanguageModel, connection: Connection) -> dict[str, Tensor]:
    """The head's composed matrices in full: what maps the stream to a score from either side, and what it passes on."""
    block = _blocks(model)[int(connection.layer[-1])]
    attention, gain = block.self_attn, block.input_layernorm.weight
    query = attention.q_proj.weight.unflatten(0, (HEADS, HEAD_SIZE))[connection.unit] * gain
    key, value = attention.k_proj.weight * gain, attention.v_proj.weight * gain
    output = attention.o_proj.weight.unflatten(1, (HEADS, HEAD_SIZE))[:, connection.unit]
    return {"query": key.T @ query, "key": query.T @ key, "value": output @ value, "output": output @ value}
