"""A pass taken up again after its prefix gives what the whole pass gives, runs less of the model, and leaves no trace."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch import nn

from backend.engine.passes import Passes
from backend.engine.token_passes import TokenPasses
from backend.methods.question import ModelRef
from backend.models.hooks import UnitEdit
from backend.models.language import load_language
from backend.models.loading import load

ROWS = 5


@pytest.fixture(scope="module", params=["digits-cnn", "digits-vit", "smollm2-135m-instruct"])
def passes(request: pytest.FixtureRequest) -> Any:
    """Passes over an image model of each kind and over the language model."""
    if request.param == "smollm2-135m-instruct":
        return TokenPasses(load_language(ModelRef(request.param), torch.device("cpu")))
    return Passes(load(ModelRef(request.param), "cpu"))


def sample(passes: Any) -> tuple[torch.Tensor, dict[str, str]]:
    """One row of the model's input, and how all logits are asked for."""
    if isinstance(passes, TokenPasses):
        return torch.tensor([passes.model.tokenizer.encode("The cat sat on the").ids]), {"logits": "all"}
    size = passes.model.card.preprocess
    return torch.rand(1, size.channels, size.height, size.width, generator=torch.Generator().manual_seed(1)), {}


def masks(passes: Any, layer: str) -> UnitEdit:
    """A random third of the layer's units switched off in each row but the first."""
    count = passes.model.units[layer].count
    factor = (torch.rand(ROWS, 1, count, generator=torch.Generator().manual_seed(2)) > 0.33).float()
    factor[0] = 1
    return UnitEdit(layer, factor, torch.zeros(1, 1, count))


def repeated(row: torch.Tensor) -> torch.Tensor:
    """The row ROWS times."""
    return row.expand(ROWS, *row.shape[1:])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_rest_of_a_pass_equals_the_whole_one(passes: Any, share: float) -> None:
    layers = list(passes.model.units)
    layer = layers[round(share * (len(layers) - 1))]
    row, asked = sample(passes)
    whole = passes.forward(repeated(row), edits=[masks(passes, layer)], **asked).logits
    prefix = passes.prefix(row, [layer])
    rest = passes.forward(repeated(row), edits=[masks(passes, layer)], prefix=prefix, **asked).logits
    assert torch.allclose(whole, rest, atol=2e-3, rtol=1e-4)
    assert (whole[1:] - whole[:1]).abs().max() > 0.05  # the edits did something, so that the agreement says something
    assert not torch.allclose(rest[1], rest[2], atol=1e-3)


def test_modules_of_the_prefix_are_not_run_and_all_is_as_before(passes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = list(passes.model.units)[-1]
    row, asked = sample(passes)
    before = passes.forward(row, **asked).logits
    own = [set(part.__dict__) for part in passes.model.module.modules()]
    prefix = passes.prefix(row, [layer])
    calls: Counter[str] = Counter()
    real = nn.functional.linear
    monkeypatch.setattr(nn.functional, "linear", lambda *a, **k: (calls.update(["linear"]), real(*a, **k))[1])
    passes.forward(repeated(row), edits=[masks(passes, layer)], prefix=prefix, **asked)
    few = calls["linear"]
    passes.forward(repeated(row), edits=[masks(passes, layer)], **asked)
    if passes.model.card.name != "digits-cnn":
        assert few <= 0.25 * (calls["linear"] - few)
    monkeypatch.undo()
    assert [set(part.__dict__) for part in passes.model.module.modules()] == own
    assert torch.equal(before, passes.forward(row, **asked).logits)


def test_the_first_layer_reached_ends_the_prefix_whatever_the_order_they_are_named_in(passes: Any) -> None:
    layers = list(passes.model.units)
    row, asked = sample(passes)
    both = [masks(passes, layers[-1]), masks(passes, layers[0])]
    prefix = passes.prefix(row, [edit.layer for edit in both])
    assert dict(prefix.outputs).keys() == dict(passes.prefix(row, [layers[0]]).outputs).keys()
    whole = passes.forward(repeated(row), edits=both, **asked).logits
    assert torch.allclose(whole, passes.forward(repeated(row), edits=both, prefix=prefix, **asked).logits, atol=2e-3, rtol=1e-4)


def test_a_prefix_of_another_sample_is_seen(passes: Any) -> None:
    layer = list(passes.model.units)[-1]
    row, asked = sample(passes)
    other = row.flip(-1)
    prefix = passes.prefix(other, [layer])
    wrong = passes.forward(repeated(row), prefix=prefix, **asked).logits
    assert not torch.allclose(wrong, passes.forward(repeated(row), **asked).logits, atol=1e-2)


def test_a_pass_that_fails_leaves_no_replaced_module(passes: Any) -> None:
    layer = list(passes.model.units)[-1]
    row, _ = sample(passes)
    prefix = passes.prefix(row, [layer])
    own = [set(part.__dict__) for part in passes.model.module.modules()]
    wrong = UnitEdit(layer, torch.ones(1, 1, 3), torch.zeros(1, 1, 3))
    with pytest.raises(RuntimeError):
        passes.forward(repeated(row), edits=[wrong], prefix=prefix)
    assert [set(part.__dict__) for part in passes.model.module.modules()] == own


def test_a_partial_pass_is_counted_but_tells_no_pace(passes: Any) -> None:
    layer = list(passes.model.units)[-1]
    row, _ = sample(passes)
    prefix = passes.prefix(row, [layer])
    rows, seen = passes.spent.forward, len(passes.chunks.speed._seen[False])
    passes.forward(repeated(row), prefix=prefix)
    assert passes.spent.forward == rows + ROWS
    assert len(passes.chunks.speed._seen[False]) == seen


def test_edits_that_every_pass_makes_stand_in_the_prefix_too(passes: Any) -> None:
    layers = list(passes.model.units)
    row, asked = sample(passes)
    count = passes.model.units[layers[0]].count
    factor = torch.ones(1, 1, count)
    factor[..., : count // 2] = 0.0
    always = UnitEdit(layers[0], factor, torch.zeros(1, 1, count))
    held = type(passes)(passes.model, edits=[always])
    edits = [masks(passes, layers[-1])]
    whole = held.forward(repeated(row), edits=edits, **asked).logits
    rest = held.forward(repeated(row), edits=edits, prefix=held.prefix(row, [layers[-1]]), **asked).logits
    assert torch.allclose(whole, rest, atol=2e-3, rtol=1e-4)
    assert not torch.allclose(whole, passes.forward(repeated(row), edits=edits, **asked).logits, atol=1e-2)
    same = [masks(passes, layers[0])]  # where both edit one layer, the standing edit is made once
    whole = held.forward(repeated(row), edits=same, **asked).logits
    rest = held.forward(repeated(row), edits=same, prefix=held.prefix(row, [layers[0]]), **asked).logits
    assert torch.allclose(whole, rest, atol=2e-3, rtol=1e-4)
