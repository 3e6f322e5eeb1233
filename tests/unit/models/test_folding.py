"""Folding batch norm: the same logits with less to do, and only where nothing else sees the convolution's output."""

from __future__ import annotations

import pytest
import torch
from PIL import Image as Picture
from skimage import data
from torch import Tensor, nn

from backend.data.frames import frame, normalise
from backend.models.catalog import entry
from backend.models.folding import foldable, folded
from backend.models.loading import unfolded

EXAMPLE = torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(1))


def with_statistics(module: nn.Module) -> nn.Module:
    """Batch norms as after training: running statistics and weights away from 0 and 1."""
    generator = torch.Generator().manual_seed(2)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(generator=generator)
            part.running_var.uniform_(0.2, 3.0, generator=generator)
            nn.init.normal_(part.weight, generator=generator)
            nn.init.normal_(part.bias, generator=generator)
    return module.eval()


class Block(nn.Module):
    """A convolution and its batch norm, put together by `how`."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.norm2 = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        match self.how:
            case "plain":
                y = self.norm(y)
            case "skip":
                y = self.norm(y) + y
            case "two norms":
                y = self.norm(y) + self.norm2(y)
            case "in place":
                y = self.norm(y.mul_(2))
            case "norm twice":
                y = self.norm(self.norm(y))
            case "conv twice":
                y = self.norm(y) + self.conv(x.flip(-1))
            case "looks at the shape":
                assert y.shape[1] == 4
                y = self.norm(y)
        return y.relu().mean(dim=(2, 3))


@pytest.mark.parametrize("how", ["plain", "looks at the shape"])
def test_a_norm_that_alone_reads_its_convolution_is_folded(how: str) -> None:
    module = with_statistics(Block(how))
    assert len(foldable(module, EXAMPLE)) == 1
    result = folded(module, EXAMPLE)
    assert isinstance(result.norm, nn.Identity)
    torch.testing.assert_close(result(EXAMPLE), module(EXAMPLE), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("how", ["skip", "two norms", "in place", "norm twice", "conv twice"])
def test_a_convolution_read_elsewhere_is_left_alone(how: str) -> None:
    module = with_statistics(Block(how))
    assert foldable(module, EXAMPLE) == ()
    result = folded(module, EXAMPLE)
    assert torch.equal(result(EXAMPLE.clone()), module(EXAMPLE.clone()))


def test_a_shared_weight_is_left_alone() -> None:
    module = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1))
    module[2].weight = module[0].weight
    assert foldable(with_statistics(module), EXAMPLE) == ()


def test_a_convolution_that_changes_its_weight_comes_back_unfolded() -> None:
    """Weight standardisation undoes the scale folded into the weight: only the comparison of logits can tell."""

    class Standardised(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            weight = self.weight - self.weight.mean(dim=(1, 2, 3), keepdim=True)
            weight = weight / weight.std(dim=(1, 2, 3), keepdim=True)
            return nn.functional.conv2d(x, weight, self.bias)

    module = with_statistics(nn.Sequential(Standardised(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    result = folded(module, EXAMPLE)
    assert isinstance(result[1], nn.BatchNorm2d)
    assert torch.equal(result(EXAMPLE), module(EXAMPLE))


def test_the_module_given_is_not_changed() -> None:
    module = with_statistics(Block("plain"))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    folded(module, EXAMPLE)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_lite0_folds_whole_and_its_float32_logits_stay_within_1e_5(capsys: pytest.CaptureFixture[str]) -> None:
    preprocess = entry("efficientnet-lite0").preprocess
    photos = [Picture.fromarray(photo()) for photo in (data.chelsea, data.coffee, data.astronaut, data.rocket)]
    batch = torch.stack([torch.from_numpy(normalise(frame(photo, preprocess), preprocess)) for photo in photos])
    raw = unfolded("efficientnet-lite0")
    result = folded(raw, batch[:1])
    assert not [part for part in result.modules() if isinstance(part, nn.BatchNorm2d)]
    with torch.inference_mode():
        before, after = raw(batch), result(batch)
    difference = float((after - before).abs().max())
    relative = difference / float(before.abs().max())
    with capsys.disabled():
        print(f"\nfolding batch norm, float32 logits of 4 photos: largest difference {difference:.1e}, relative {relative:.1e}")
    assert relative <= 1e-5
