"""Passes: chunked, counted, halved when memory runs out, and no trace left on the model."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from backend.engine.passes import OutOfMemory, Passes, Speed, score
from backend.methods.question import ClassLogit, Contrast, ModelRef
from backend.methods.steps import PassCount
from backend.models.loaded import ImageModel
from backend.models.loading import load
from tests.unit.engine import planted
from tests.unit.engine.planted import Watched

ROWS = torch.rand(40, 1, planted.SIDE, planted.SIDE, generator=torch.Generator().manual_seed(0))
WEIGHTS = torch.from_numpy(planted.WEIGHTS)


@pytest.fixture
def model() -> ImageModel:
    loaded = load(ModelRef("test-linear"))
    Watched.reset()
    return loaded


def at_most(rows: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
    """From here on, a batch of more rows does not fit in memory."""

    def act(asked: int) -> None:
        if asked > rows:
            raise error(f"{asked} rows do not fit")

    Watched.act = act


def test_rows_come_back_in_order_whatever_the_chunk(model: ImageModel) -> None:
    passes = Passes(model)
    logits = passes.forward(ROWS).logits
    assert Watched.rows == [16, 16, 8]
    assert torch.allclose(logits, ROWS.flatten(1) @ WEIGHTS.T + 0.5, atol=1e-5)
    assert passes.spent == PassCount(40, 0)


def test_a_gradient_counts_forward_and_backward_and_is_that_of_each_row(model: ImageModel) -> None:
    passes = Passes(model)
    record = passes.gradient(ROWS[:20], Contrast(2, 0))
    assert passes.spent == PassCount(20, 20)
    expected = (WEIGHTS[2] - WEIGHTS[0]).view(1, 1, planted.SIDE, planted.SIDE).expand(20, -1, -1, -1)
    assert torch.allclose(record.gradient, expected)
    assert torch.allclose(record.scores, score(record.logits, Contrast(2, 0)))
    assert not ROWS.requires_grad


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
def test_chunks_halve_until_they_fit_and_the_answer_is_the_same(model: ImageModel, error: type[Exception]) -> None:
    whole = Passes(model).gradient(ROWS, ClassLogit(1))
    Watched.reset()
    at_most(3, error)
    passes = Passes(model)
    record = passes.gradient(ROWS, ClassLogit(1))
    assert Watched.rows[:4] == [16, 8, 4, 2]
    assert set(Watched.rows[3:]) == {2}
    assert passes.chunks.size == 2
    assert torch.equal(record.gradient, whole.gradient)
    assert torch.allclose(record.logits, whole.logits, atol=1e-6)
    assert passes.spent == PassCount(40, 40)  # what did not fit brought nothing and is not counted


def test_one_row_that_does_not_fit_is_out_of_memory(model: ImageModel) -> None:
    at_most(0)
    with pytest.raises(OutOfMemory, match="One image alone does not fit in the memory of cpu"):
        Passes(model).forward(ROWS)


def test_another_error_of_the_model_is_not_taken_for_memory(model: ImageModel) -> None:
    at_most(0, RuntimeError)
    with pytest.raises(RuntimeError, match="16 rows do not fit"):
        Passes(model).forward(ROWS)
    assert Watched.rows == [16]


def test_batches_double_up_to_the_chunk_and_cover_every_row_once(model: ImageModel) -> None:
    slices = list(Passes(model).batches(50))
    assert [part.stop - part.start for part in slices] == [1, 2, 4, 8, 16, 16, 3]
    assert [row for part in slices for row in range(50)[part]] == list(range(50))
    assert list(Passes(model).batches(0)) == []


def test_recorded_layers_are_read_by_hooks_that_are_gone_after_a_call_even_a_failed_one() -> None:
    model = load(ModelRef("digits-cnn"))
    passes, names = Passes(model), tuple(model.layers)
    record = passes.gradient(torch.zeros(3, 1, 8, 8), ClassLogit(0), record=names)
    assert list(record.activations) == list(record.gradients) == list(names)
    assert all(tensor.shape[0] == 3 for tensor in record.activations.values())

    def broken(pixels: Tensor) -> Tensor:
        raise ZeroDivisionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model.module.head, "forward", broken)
        with pytest.raises(ZeroDivisionError):
            passes.gradient(torch.zeros(3, 1, 8, 8), ClassLogit(0), record=names)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.module.modules())


def test_the_pace_is_the_median_of_seconds_per_row_so_that_a_slow_first_pass_is_forgotten() -> None:
    speed = Speed()
    assert (speed.forward, speed.both) == (0.0, 0.0)
    speed.saw(80.0, 4, backward=False)
    assert (speed.forward, speed.both) == (20.0, 0.0)
    for _ in range(3):
        speed.saw(2.0, 4, backward=False)
    assert speed.forward == 0.5


def test_a_climb_gives_the_measure_and_gradient_of_the_whole_pass_and_computes_nothing_behind_its_layer() -> None:
    model = load(ModelRef("digits-cnn"))
    passes, rows = Passes(model), torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    whole = rows.clone().requires_grad_(True)
    values = model.module.get_submodule("stage2")(model.module.get_submodule("stage1")(whole))  # (rows, 32, 8, 8)
    (gradient,) = torch.autograd.grad(values[:, 7].sum(), whole)

    def forbidden(pixels: Tensor) -> Tensor:
        raise ZeroDivisionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model.module.stage3, "forward", forbidden)
        found = passes.climb(rows, "stage2", lambda values: values[..., 7].sum(dim=1))
        with pytest.raises(ZeroDivisionError):
            passes.climb(rows, "stage3", lambda values: values[..., 7].sum(dim=1))
    assert torch.allclose(found.gradient, gradient, atol=1e-6)
    assert torch.allclose(found.scores, values[:, 7].sum(dim=(1, 2)), atol=1e-5)
    assert found.values.shape == (20, 64, 32)
    assert passes.spent == PassCount(20, 20)
    assert passes.chunks.speed.both == 0.0  # half a pass is not the pace of a whole one
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.module.modules())


def test_a_gradient_can_be_taken_of_any_number_made_of_the_logits() -> None:
    model = load(ModelRef("digits-cnn"))
    rows = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    asked = Passes(model).gradient(rows, lambda logits: 2 * logits[:, 1] - logits[:, 4])
    one, four = (Passes(model).gradient(rows, ClassLogit(index)).gradient for index in (1, 4))
    assert torch.allclose(asked.gradient, 2 * one - four, atol=1e-6)
