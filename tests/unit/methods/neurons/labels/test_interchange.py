"""The interchange against a model whose weights make it: one neuron's value put in by hand, one text at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from backend.engine.token_passes import TokenPasses
from backend.methods.neurons.labels.draws import draw, halves
from backend.methods.neurons.labels.interchange import Interchange, Pairs, pairs
from backend.methods.neurons.labels.readings import Readings, batches
from backend.methods.neurons.labels.rules import read_rule
from backend.methods.neurons.labels.text_places import READ, TextPlaces
from backend.methods.neurons.unit import Unit
from backend.methods.question import ModelRef
from backend.models.loading import load_any
from tests.unit.methods.neurons.labels.conftest import split
from tests.unit.methods.neurons.planted_transformer import DETECTORS, PLAN

LAYER, NEURON = "mlp.0", 0


@pytest.fixture
def planted(planted_models: tuple[str, str]) -> tuple[TokenPasses, TextPlaces]:
    model = load_any(ModelRef(planted_models[0]))
    random = np.random.default_rng(0)
    texts = tuple(" ".join(random.choice(PLAN.vocabulary[1:60], 20)) for _ in range(60))
    return TokenPasses(model), TextPlaces(split(texts, model.tokenizer), model.tokenizer)  # type: ignore[arg-type]


def by_hand(passes: TokenPasses, tokens: np.ndarray, value: float | None) -> tuple[Any, float]:
    """Logits after the last token and the neuron's value there, the neuron set to `value` by a hook of its own."""
    module, seen = passes.model.module, []

    def hook(_: Any, inputs: tuple[Any, ...]) -> Any:
        changed = inputs[0].clone()
        seen.append(float(changed[0, -1, NEURON]))
        if value is not None:
            changed[0, -1, NEURON] = value
        return (changed,)

    handle = module.model.layers[0].mlp.down_proj.register_forward_pre_hook(hook)
    with torch.no_grad():
        logits = module(torch.from_numpy(tokens.astype(np.int64))[None]).logits[0, -1]
    handle.remove()
    return logits, seen[0]


def test_effects_are_those_made_by_hand(planted: tuple[TokenPasses, TextPlaces]) -> None:
    passes, places = planted
    colours = np.flatnonzero(places.true_at(read_rule("“red” or “green”")))[:3]
    others = np.flatnonzero(places.counted & ~places.true_at(read_rule("“red”, “green” or “blue”")))[[3, 40, 71]]
    swaps = Interchange(passes, LAYER, [NEURON, 5], places)  # type: ignore[arg-type]
    effects = _result(swaps.effects(Pairs(colours, others), 2))
    tokens = swaps.written[0]
    assert passes.model.tokenizer.decode([int(tokens[0])]) == DETECTORS[LAYER, NEURON][1]
    for place, (true, other) in enumerate(zip(colours, others, strict=True)):
        with_label, without = (places.tokens[places.starts[places.item_of[at]] : at + 1] for at in (true, other))
        (plain_true, value), (plain_other, low) = by_hand(passes, with_label, None), by_hand(passes, without, None)
        edited = by_hand(passes, without, value)[0]
        rise = (edited[tokens].mean() - edited.mean()) - (plain_other[tokens].mean() - plain_other.mean())
        assert effects[0].written[place] == pytest.approx(float(rise), abs=1e-4)
        following = int(places.tokens[true + 1])
        loss = torch.log_softmax(plain_true, 0)[following] - torch.log_softmax(by_hand(passes, with_label, low)[0], 0)[following]
        assert effects[0].loss[place] == pytest.approx(float(loss), abs=1e-4)
    assert np.abs(effects[0].written).min() > 10 * np.abs(effects[1].written).max()  # neuron 5 is noise


def test_readings_are_the_models_own_values(planted: tuple[TokenPasses, TextPlaces]) -> None:
    passes, places = planted
    units = (Unit(LAYER, NEURON), Unit("attention.1", 1), Unit("mlp.2", 3))
    readings = Readings(passes, units, places)  # type: ignore[arg-type]
    steps = list(readings.read([3, 9, 3, 40]))
    assert (steps[-1].done, steps[-1].total) == (3, 3)
    assert list(readings.read([9])) == []
    for item, found in readings.values.items():
        tokens = torch.from_numpy(places.tokens[places.starts[item] : places.starts[item + 1]].astype(np.int64))[None]
        record = passes.forward(tokens, logits="none", units=[unit.layer for unit in units]).units
        heads = record["attention.1"][0, :, 1].norm(dim=-1)
        expected = torch.stack([record[LAYER][0, :, NEURON], heads, record["mlp.2"][0, :, 3]]).numpy()
        assert found == pytest.approx(expected[:, :READ], abs=1e-5)


def test_pairs_are_drawn_by_the_rule_alone_and_have_a_next_token(planted: tuple[TokenPasses, TextPlaces]) -> None:
    _, places = planted
    rule = read_rule("“red”")
    true = places.true_at(rule)
    report = halves(places.items, {1, 3}, 0).report
    assert not {1, 3} & set(report.tolist())
    made = pairs(draw(report, places.in_items(true), 8), rule, places, 4, 0)
    assert true[made.true].all()
    assert not true[made.other].any()
    assert not places.in_items(true)[places.item_of[made.other]].any()
    ends = set((places.starts[1:] - 1).tolist())
    assert not ends & set(np.concatenate([made.true, made.other]).tolist())


def test_batches_hold_what_they_may_and_nothing_is_lost() -> None:
    lengths = dict(enumerate([5, 300, 60, 61, 2, 128]))
    found = list(batches(lengths, 256))
    assert sorted(key for batch in found for key in batch) == list(range(6))
    assert all(len(batch) == 1 or len(batch) * max(lengths[key] for key in batch) <= 256 for batch in found)


def _result(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value
