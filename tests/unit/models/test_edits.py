"""Edits: a changed copy, from the head down, and an untouched original."""

from __future__ import annotations

import pytest
import torch

from backend.methods.question import ModelRef, RandomiseWeights
from backend.models.catalog import ModelError
from backend.models.edits import edited, in_forward_order
from backend.models.loaded import ImageModel
from backend.models.loading import load

BATCH = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["digits-cnn", "digits-vit"])
def model(request: pytest.FixtureRequest) -> ImageModel:
    return load(ModelRef(request.param))


def logits(model: ImageModel) -> torch.Tensor:
    with torch.inference_mode():
        return model.module(BATCH)


def changed(model: ImageModel, *edits: RandomiseWeights) -> list[str]:
    """Paths of the modules whose weights an edit changed, in forward order."""
    other = dict(edited(model, edits).module.named_parameters())
    moved = {name.rpartition(".")[0] for name, value in model.module.named_parameters() if not torch.equal(value, other[name])}
    return [path for path in in_forward_order(model) if path in moved]


def test_no_edit_gives_the_model_itself(model: ImageModel) -> None:
    assert edited(model, ()) is model


def test_the_original_stays_bit_for_bit_and_the_copy_answers_otherwise(model: ImageModel) -> None:
    before = logits(model).clone()
    copy = edited(model, (RandomiseWeights(stages=1, of=4),))
    assert not torch.equal(logits(copy), before)
    assert torch.equal(logits(model), before)


def test_stages_count_from_the_head(model: ImageModel) -> None:
    order = list(in_forward_order(model))
    assert order[-1] == "head"
    for stages in (1, 2, 3, 4):
        assert changed(model, RandomiseWeights(stages, of=4)) == order[len(order) - -(-len(order) * stages // 4) :]


def test_all_stages_change_every_module(model: ImageModel) -> None:
    assert changed(model, RandomiseWeights(2, of=2)) == list(in_forward_order(model))


def test_the_same_seed_draws_the_same_and_another_does_not(model: ImageModel) -> None:
    first, again, other = (logits(edited(model, (RandomiseWeights(2, 4, seed),))) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_more_stages_keep_the_draws_of_fewer(model: ImageModel) -> None:
    one, three = (edited(model, (RandomiseWeights(stages, 4),)).module for stages in (1, 3))
    assert torch.equal(one.get_submodule("head").weight, three.get_submodule("head").weight)


def test_draws_have_the_spread_of_what_they_replace() -> None:
    model = load(ModelRef("digits-vit"))
    fresh = edited(model, (RandomiseWeights(1, 1),)).module
    for name in ("blocks.0.mlp.0.weight", "blocks.3.attention.query_key_value.weight"):
        before, after = model.module.get_parameter(name), fresh.get_parameter(name)
        assert after.std().item() == pytest.approx(before.std().item(), rel=0.05)


@pytest.mark.parametrize(("stages", "of"), [(0, 4), (5, 4), (-1, 4), (1, 0)])
def test_stages_outside_the_model_are_refused(stages: int, of: int) -> None:
    with pytest.raises(ModelError, match=f"{stages} stages of {of}"):
        edited(load(ModelRef("digits-cnn")), (RandomiseWeights(stages, of),))
