"""Receptive fields against convolution arithmetic, brute force over single pixels, and models that hide or share everything."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import backend
from backend.data.frames import Preprocess
from backend.engine.stepping import Engine
from backend.methods.neurons.draw import probing
from backend.methods.neurons.receptive_field import ReceptiveFields, field_of, typical_field
from backend.methods.params import ParameterError
from backend.methods.question import Box
from backend.methods.registry import method_named
from backend.methods.steps import PassCount, Progress, Result
from tests.unit.methods.neurons.draw import planted
from tests.unit.methods.neurons.draw.conftest import asking, result, steps

METHOD = "receptive_field"


class Ladder(nn.Module):
    """A strided and a dilated convolution beside a skip, on a frame that is no square."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.ReLU6())
        self.second = nn.Conv2d(3, 3, 3, padding=2, dilation=2)
        self.third = nn.MaxPool2d(2)

    def forward(self, pixels: Tensor) -> Tensor:
        """(batch, 1, 20, 12) → (batch, 3)."""
        seen = self.first(pixels)
        return self.third(self.second(seen) + seen).mean(dim=(2, 3))


class Swallowed(nn.Module):
    """A rectifier that turns what is not a number into zero."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), Cleaned())

    def forward(self, pixels: Tensor) -> Tensor:
        """(batch, 1, 16, 16) → (batch, 2)."""
        return self.seen(pixels).mean(dim=(2, 3))


class Cleaned(nn.Module):
    """`nan_to_num`, then the positive part."""

    def forward(self, values: Tensor) -> Tensor:
        """Any shape to the same."""
        return torch.nan_to_num(values).clamp_min(0)


def test_fields_of_the_digits_model_are_those_of_its_arithmetic(engine: Engine) -> None:
    found: ReceptiveFields = result(engine, METHOD, model="digits-cnn")
    assert field_of(found, "stage1", 3 * 8 + 4) == Box(3, 2, 6, 5)
    assert field_of(found, "stage1", 0) == Box(0, 0, 2, 2)
    assert field_of(found, "stage2", 3 * 8 + 4) == Box(2, 1, 7, 6)
    assert field_of(found, "stage3", 1 * 4 + 1) == Box(0, 0, 8, 8)  # 10 px wide, from −2 to 8
    assert field_of(found, "stage3", 0) == Box(0, 0, 6, 6)
    assert found.grids["stage3"] == (0, 4, 4)


def test_fields_equal_brute_force_over_every_pixel_where_there_are_strides_dilation_a_skip_and_a_pool(engine: Engine) -> None:
    backend.add_model("test-ladder", Ladder, Preprocess(20, 12, 12, (0.0,), (255.0,)), ("a", "b", "c"))
    found: ReceptiveFields = result(engine, METHOD, model="test-ladder")
    held = asking(engine, METHOD, model="test-ladder")
    rows = torch.randn(1, 1, 20, 12, generator=torch.Generator().manual_seed(0))
    for layer, boxes in found.fields.items():
        for cell in range(len(boxes)):
            seen = torch.zeros(20, 12)
            for unit in range(3):  # a weighted sum, so that a pool's choice and a dead unit cannot hide a pixel for all draws
                for seed in range(3):
                    noise = rows + torch.randn(rows.shape, generator=torch.Generator().manual_seed(seed))
                    seen += held.climb(noise, layer, lambda values, u=unit, c=cell: values[:, c, u]).gradient[0, 0].abs()
            down, across = (np.flatnonzero(seen.sum(dim=axis).numpy()) for axis in (1, 0))
            left, top, right, bottom = boxes[cell]
            if len(down):
                assert left <= across[0]
                assert top <= down[0]
                assert right >= across[-1] + 1
                assert bottom >= down[-1] + 1
    assert field_of(found, "first", 2 * 6 + 3) == Box(5, 3, 8, 6)
    assert field_of(found, "second", 5 * 6 + 3) == Box(1, 5, 12, 16)  # 11 px down; across 1 to 12


def test_the_fields_of_efficientnet_begin_and_end_where_its_kernels_and_strides_say(engine: Engine) -> None:
    """The lines at both edges of the middle cell's field reach it, and the lines beyond do not."""
    held = asking(engine, METHOD, model="efficientnet-lite0")
    blank = torch.zeros(1, 3, 224, 224)
    size, jump, start = 1, 1, 0.5  # of the first cell: its field's width, its stride, and its middle
    for name in ("stem", "blocks.0", "blocks.1", "blocks.2"):
        path = "_conv_stem" if name == "stem" else held.model.layers[name].module
        for part in held.model.module.get_submodule(path).modules():
            if isinstance(part, nn.Conv2d):
                before = 0 if part.stride[0] == 2 else (part.kernel_size[0] - 1) // 2  # what "same" pads at the top
                before = (part.kernel_size[0] - 2) // 2 if part.stride[0] == 2 else before
                start += ((part.kernel_size[0] - 1) / 2 - before) * jump
                size += (part.kernel_size[0] - 1) * jump
                jump *= part.stride[0]
        positions = held.forward(blank, units=(name,)).units[name].shape[1]
        side = round(positions**0.5)
        middle = (side // 2) * side + side // 2
        first = round(start + (side // 2) * jump - size / 2)
        found = {}
        for line in (first - 1, first, first + size - 1, first + size):
            found[line] = {name: probing._nothing(positions)}
            probing._mark(held, blank, 2, slice(line, line + 1), found[line])
        reached = [bool(marks[name].last[middle]) for marks in found.values()]
        assert reached == [False, True, True, False], (name, first, size)


def test_a_deep_cell_sees_everything_and_mostly_looks_at_its_middle(engine: Engine) -> None:
    held = asking(engine, METHOD, model="efficientnet-lite0")
    early, late = (probing._typical(held, layer) for layer in ("blocks.1", "blocks.10"))
    assert max(early) < 40
    assert max(early) < min(late) < 224


def test_a_typical_field_lies_about_its_cell_and_inside_the_frame() -> None:
    fields = {"seen": np.tile(np.array([0, 0, 100, 60], np.int16), (16, 1))}
    found = ReceptiveFields(60, 100, fields, {"seen": (0, 4, 4)}, {"seen": (20.0, 30.0)}, PassCount())
    assert typical_field(found, "seen", 5) == Box(22, 12, 52, 32)
    assert typical_field(found, "seen", 0) == Box(0, 0, 30, 20)
    assert typical_field(found, "seen", 15) == Box(70, 40, 100, 60)


def test_in_a_transformer_every_token_sees_everything_and_the_class_token_stands_for_no_place(engine: Engine) -> None:
    found: ReceptiveFields = result(engine, METHOD, model="digits-vit")
    assert all(np.array_equal(np.unique(boxes, axis=0), [[0, 0, 8, 8]]) for boxes in found.fields.values())
    assert found.grids["mlp.2"] == (1, 4, 4)
    assert typical_field(found, "mlp.2", 0) == Box(0, 0, 8, 8)


def test_where_a_module_hides_the_mark_the_whole_frame_is_said_and_never_too_little(engine: Engine) -> None:
    backend.add_model("test-swallowed", Swallowed, planted.FRAME, ("a", "b"))
    found: ReceptiveFields = result(engine, METHOD, model="test-swallowed")
    assert field_of(found, "seen", 40) == Box(0, 0, 16, 16)


def test_progress_comes_before_the_work_the_forecast_is_kept_and_the_model_left_as_it_was(engine: Engine) -> None:
    held = asking(engine, METHOD, model="digits-cnn")
    rows = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    before = held.forward(rows).logits.clone()
    seen = list(steps(engine, METHOD, model="digits-cnn"))
    assert isinstance(seen[0], Progress)
    assert isinstance(seen[-1], Result)
    assert [step.done for step in seen[:-1]] == sorted(step.done for step in seen[:-1])  # type: ignore[union-attr]
    assert seen[-2].done == seen[-2].total  # type: ignore[union-attr]
    assert seen[-1].value.passes == method_named(METHOD).cost(held.question.params, held.model.card)
    assert torch.equal(held.forward(rows).logits, before)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in held.model.module.modules())


def test_a_layer_or_a_cell_that_is_not_there_is_named_with_the_limit(engine: Engine) -> None:
    found: ReceptiveFields = result(engine, METHOD, model="digits-cnn")
    with pytest.raises(ParameterError, match="there is no 'stage7'; there are stage1, stage2, stage3"):
        field_of(found, "stage7", 0)
    with pytest.raises(ParameterError, match="Cell: 16 is outside 0 to 15, the cells of stage3"):
        typical_field(found, "stage3", 16)
