"""Hooks read and change units where they are said to be, and are gone afterwards."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from backend.engine.passes import Passes
from backend.methods.params import ParameterError
from backend.methods.question import ClampUnits, ClassLogit, ModelRef, ScaleUnits
from backend.models.hooks import UnitEdit, UnitPoint, hooked, unit_edit
from backend.models.loading import load

ROWS = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def point(axis: int, count: int, size: int = 1, side: str = "output") -> UnitPoint:
    return UnitPoint("0", side, axis, count, "channel", size)  # type: ignore[arg-type]


def test_values_have_positions_in_the_middle_whatever_the_layout() -> None:
    image = torch.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5).float()
    for laid in (image, image.to(memory_format=torch.channels_last)):
        values = point(1, 3).values(laid)
        assert values.shape == (2, 20, 3)
        assert values[1, 7, 2] == image[1, 2, 1, 2]
        assert values.data_ptr() == laid.data_ptr()  # a view, so that edits reach the tensor
    assert point(-1, 6).values(torch.zeros(2, 4, 6)).shape == (2, 4, 6)
    assert point(-1, 3, size=2).values(torch.zeros(2, 4, 6)).shape == (2, 4, 3, 2)
    assert point(-1, 6).values(torch.zeros(2, 6)).shape == (2, 1, 6)


@pytest.mark.parametrize("name", ["digits-cnn", "digits-vit"])
def test_an_ablated_unit_is_zero_and_the_rest_as_it_was(name: str) -> None:
    model = load(ModelRef(name))
    layer = next(iter(model.units))
    edit = unit_edit(ScaleUnits(layer, (3, 5)), model.units, ROWS)
    plain = Passes(model).forward(ROWS, units=[layer])
    changed = Passes(model).forward(ROWS, units=[layer], edits=[edit])
    others = [unit for unit in range(model.units[layer].count) if unit not in (3, 5)]
    assert (changed.units[layer][..., [3, 5]] == 0).all()
    assert torch.equal(changed.units[layer][..., others], plain.units[layer][..., others])
    assert not torch.equal(changed.logits, plain.logits)
    assert torch.equal(Passes(model).forward(ROWS).logits, plain.logits)


def test_clamping_sets_every_position() -> None:
    model = load(ModelRef("digits-cnn"))
    edit = unit_edit(ClampUnits("stage2", (1,), 2.5), model.units, ROWS)
    assert (Passes(model).forward(ROWS, units=["stage2"], edits=[edit]).units["stage2"][..., 1] == 2.5).all()


def test_edits_by_row_follow_their_rows_through_chunks() -> None:
    model = load(ModelRef("digits-cnn"))
    rows = ROWS[:1].expand(40, -1, -1, -1)
    factor = torch.linspace(0, 2, 40)[:, None, None].expand(-1, 1, 16)
    values = (
        Passes(model).forward(rows, units=["stage1"], edits=[UnitEdit("stage1", factor, torch.zeros(1, 1, 16))]).units["stage1"]
    )
    plain = Passes(model).forward(ROWS[:1], units=["stage1"]).units["stage1"]
    assert torch.allclose(values, factor * plain, atol=1e-6)


def test_unit_gradients_are_those_of_a_finite_difference() -> None:
    model = load(ModelRef("digits-cnn", dtype="float64"))
    row, layer = ROWS[:1].double(), "stage3"
    record = Passes(model).gradient(row, ClassLogit(3), units=[layer])
    step = 1e-6
    factor, offset = torch.ones(1, 1, 48, dtype=torch.float64), torch.zeros(1, 16, 48, dtype=torch.float64)
    offset[0, 6, 11] = step
    moved = Passes(model).forward(row, edits=[UnitEdit(layer, factor, offset)]).logits[0, 3]
    slope = (moved - record.scores[0]) / step
    assert torch.isclose(slope, record.unit_gradients[layer][0, 6, 11], rtol=1e-4, atol=1e-8)


def test_hooks_are_gone_after_a_pass_that_failed() -> None:
    module = nn.Sequential(nn.Linear(2, 2))

    def fail(_: str, __: Tensor) -> None:
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"), hooked(module, {"a": point(-1, 2)}, ["a"], visit=fail):
        module(torch.zeros(1, 2))
    assert not module[0]._forward_hooks
    assert not module[0]._forward_pre_hooks


def test_what_is_not_there_is_named() -> None:
    model = load(ModelRef("digits-cnn"))
    with pytest.raises(ParameterError, match="there is no 'stage9'; there are stage1, stage2, stage3"):
        unit_edit(ScaleUnits("stage9", (0,)), model.units, ROWS)
    with pytest.raises(ParameterError, match="Unit: 16 is outside 0 to 15, the units of stage1"):
        unit_edit(ScaleUnits("stage1", (2, 16)), model.units, ROWS)
