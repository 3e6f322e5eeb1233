"""What every unit does on a sample, against hooks of the test's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from backend.data.samples import samples
from backend.engine.stepping import Engine
from backend.methods.neurons.interventions.activations import half
from backend.methods.neurons.unit import Unit
from backend.methods.neurons.unit_activations import UnitActivations
from backend.methods.params import ParameterError
from backend.methods.question import ModelRef
from tests.unit.methods.neurons.interventions.conftest import Told, of_text, result, state, traces
from tests.unit.methods.neurons.sentence.models import gpt2, llama
from tests.unit.methods.saliency.conftest import asking

DIGIT = samples("digit")[0].name
TEXT = "w3 w1 w7 w20 w9"


@pytest.mark.parametrize("family", [llama, gpt2])
def test_neurons_are_the_input_of_the_output_projection_and_heads_norms_of_their_part(family: Any) -> None:
    model, before = family(torch.float32), None
    before = state(model.module)
    block = model.module.model.layers[1] if family is llama else model.module.transformer.h[1]
    mlp, attention = (block.mlp.down_proj, block.self_attn.o_proj) if family is llama else (block.mlp.c_proj, block.attn.c_proj)
    seen: dict[str, torch.Tensor] = {}
    handles = [
        mlp.register_forward_pre_hook(lambda _, inputs: seen.__setitem__("mlp", inputs[0])),
        attention.register_forward_pre_hook(lambda _, inputs: seen.__setitem__("heads", inputs[0])),
    ]
    tokens = torch.tensor([model.tokenizer.encode(TEXT).ids])
    with torch.no_grad():
        logits = model.module(tokens).logits[0, -1]
    for handle in handles:
        handle.remove()
    found: UnitActivations = result(of_text("unit_activations", model, TEXT))
    assert found.tokens == tuple(TEXT.split())
    assert [layer.name for layer in found.layers] == [layer.name for layer in model.card.units]
    assert np.allclose(found.values["mlp.1"], seen["mlp"][0], rtol=1e-3, atol=1e-4)
    norms = seen["heads"][0].unflatten(-1, (4, 8)).norm(dim=-1)
    assert np.allclose(found.values["attention.1"], norms, rtol=1e-3, atol=1e-4)
    assert np.allclose(found.logits, logits, atol=1e-5)
    assert found.grids == {}
    assert np.allclose(found.unit(Unit("mlp.1", 7)), seen["mlp"][0, :, 7], rtol=1e-3, atol=1e-4)
    assert state(model.module) == before
    assert traces(model.module) == 0


@pytest.mark.parametrize("name", ["digits-cnn", "digits-vit"])
def test_units_of_a_photo_lie_on_the_layers_grid(engine: Engine, told: Told, name: str) -> None:
    found: UnitActivations = told("unit_activations", model=name, sample=DIGIT)
    model = engine.workshop.model(ModelRef(name), ())
    record = asking(engine, "prediction", model=name, sample=DIGIT).forward(
        asking(engine, "prediction", model=name, sample=DIGIT).sample[None], units=tuple(model.units)
    )
    for layer in found.layers:
        exact = record.units[layer.name][0].numpy()  # (positions, units)
        assert np.allclose(found.values[layer.name], exact, rtol=1e-3, atol=1e-4)
        rows, columns = found.grids[layer.name]
        assert len(exact) - rows * columns in (0, 1)
        assert np.allclose(found.grid(Unit(layer.name, 1)).ravel(), exact[-rows * columns :, 1], rtol=1e-3, atol=1e-4)
    assert found.tokens == ()
    assert np.allclose(found.logits, record.logits[0], atol=1e-5)


def test_only_the_layers_named_are_read_in_forward_order(told: Told) -> None:
    found: UnitActivations = told("unit_activations", model="digits-cnn", sample=DIGIT, layers="stage3, stage1")
    assert [layer.name for layer in found.layers] == ["stage1", "stage3"]
    assert set(found.values) == {"stage1", "stage3"}
    with pytest.raises(KeyError):
        found.unit(Unit("stage2", 0))
    with pytest.raises(ParameterError, match="Layer: there is no 'stage9'; there are stage1, stage2, stage3"):
        told("unit_activations", model="digits-cnn", sample=DIGIT, layers="stage3,stage9")


def test_a_value_beyond_the_type_becomes_its_end_and_not_infinite() -> None:
    values = half(torch.tensor([[1e9, -1e9, 2.0]]))
    assert np.isfinite(values).all()
    assert values[0].tolist() == [65504.0, -65504.0, 2.0]
