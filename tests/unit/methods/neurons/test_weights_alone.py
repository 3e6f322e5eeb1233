"""Methods that read weights alone, through the engine: planted truth found, models left as they were, misfits told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backend
from backend.engine.stepping import Engine
from backend.headless import RunError
from backend.methods.neurons.functional_classes import FUNCTIONAL_CLASSES
from backend.methods.neurons.io_functionality import IO_CLASSES
from backend.methods.params import ParameterError
from backend.store import arrays
from tests.unit.methods.neurons.planted_transformer import DETECTORS, FUNCTIONS, IO, PLAN, flat, tokenizer

METHODS: dict[str, dict[str, Any]] = {
    "token_projection": {}, "token_writers": {"token": 4}, "io_functionality": {}, "functional_classes": {},
    "neuron_connections": {"layer": "mlp.1", "unit": 3},
}  # fmt: skip


def test_classes_and_tokens_are_found_as_planted(engine: Engine, planted_models: tuple[str, str]) -> None:
    functions = backend.run("functional_classes", model=planted_models[0])
    inputs_outputs = backend.run("io_functionality", model=planted_models[0])
    tokens = backend.run("token_projection", model=planted_models[0])
    for unit, name in FUNCTIONS.items():
        assert FUNCTIONAL_CLASSES[functions.classes[flat(*unit)]] == name
    for unit, name in IO.items():
        assert IO_CLASSES[inputs_outputs.classes[flat(*unit)]] == name
    for unit, (_, word) in DETECTORS.items():
        assert tokens.top_tokens[flat(*unit), 0] == tokenizer(PLAN).token_to_id(word)
    assert np.count_nonzero(functions.classes) == len(FUNCTIONS)
    assert np.count_nonzero(inputs_outputs.classes) == len(IO)


def test_in_shuffled_weights_nothing_is_found(engine: Engine, planted_models: tuple[str, str]) -> None:
    assert not backend.run("functional_classes", model=planted_models[1]).classes.any()
    assert not backend.run("io_functionality", model=planted_models[1]).classes.any()


@pytest.mark.parametrize("method", METHODS)
def test_logits_are_the_same_bits_afterwards(engine: Engine, planted_models: tuple[str, str], method: str) -> None:
    def logits() -> np.ndarray:
        return backend.prediction(sample="<s> w1 red", model=planted_models[0]).logits

    before = logits()
    backend.run(method, model=planted_models[0], **METHODS[method])
    engine.workshop._results.clear()  # so that the prediction is made anew
    assert np.array_equal(logits(), before)


@pytest.mark.parametrize("method", METHODS)
def test_results_are_the_same_every_time_and_outlast_the_process(
    engine: Engine, planted_models: tuple[str, str], method: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("backend.places.runs", lambda: tmp_path)
    first = backend.run(method, model=planted_models[0], **METHODS[method])
    engine.workshop._results.clear()
    arrays.save("0" * 64, backend.run(method, model=planted_models[0], seed=0, **METHODS[method]))
    again = arrays.load("0" * 64)
    assert type(again) is type(first)
    for name, value in vars(first).items():
        kept = getattr(again, name)
        assert np.array_equal(kept, value, equal_nan=True) if isinstance(value, np.ndarray) else kept == value, name


@pytest.mark.parametrize("method", METHODS)
def test_image_models_are_told_why_not(engine: Engine, method: str) -> None:
    with pytest.raises(RunError, match="needs a vocabulary, which digits-cnn does not offer"):
        backend.run(method, model="digits-cnn", **METHODS[method])


@pytest.mark.parametrize(
    ("method", "values", "error", "said"),
    [
        ("neuron_connections", {"layer": "mlp.77"}, RunError, "no MLP 'mlp.77' in planted"),
        ("neuron_connections", {"layer": "mlp.1", "unit": 16}, RunError, "Unit: 16 is outside 0 to 15, the neurons of mlp.1"),
        ("neuron_connections", {"unit": -1}, ParameterError, "Unit: -1 is outside 0 to"),
        ("token_writers", {"token": 318}, RunError, "Token: 318 is outside 0 to 317"),
        ("token_projection", {"tokens": 0}, ParameterError, "Tokens: 0 is outside 1 to 50"),
        ("io_functionality", {"threshold": float("nan")}, ParameterError, "Threshold: nan is outside"),
        ("functional_classes", {"sample": "<s> red"}, RunError, "is asked of a model's weights"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    engine: Engine, planted_models: tuple[str, str], method: str, values: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises((error, ParameterError), match=said):
        backend.run(method, **{"model": planted_models[0], **values})


def test_without_a_model_the_language_model_is_asked() -> None:
    assert backend.ask("token_writers", token=1).model.name == "smollm2-135m-instruct"
