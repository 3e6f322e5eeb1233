"""Layers: read once, in forward order, as maps of channels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from backend.methods.question import ModelRef
from backend.models.catalog import ModelError
from backend.models.layers import MOST, TokenGrid, discover
from backend.models.loaded import ImageModel
from backend.models.loading import load

EXAMPLE = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def lite0() -> ImageModel:
    return load(ModelRef("efficientnet-lite0"))


def read(module: nn.Module, path: str, batch: Tensor) -> list[Tensor]:
    outputs: list[Tensor] = []
    handle = module.get_submodule(path).register_forward_hook(lambda _, __, output: outputs.append(output))
    with torch.no_grad():
        module(batch)
    handle.remove()
    return outputs


def test_lite0_has_stem_blocks_and_head(lite0: ImageModel) -> None:
    assert list(lite0.layers) == ["stem", *(f"blocks.{i}" for i in range(16)), "head"]
    sizes = {layer.name: (layer.channels, layer.height, layer.width) for layer in lite0.card.layers}
    assert (sizes["stem"], sizes["blocks.15"], sizes["head"]) == ((32, 112, 112), (320, 7, 7), (1280, 7, 7))


def test_lite0_head_is_the_activated_map_whose_mean_makes_the_logits(lite0: ImageModel) -> None:
    batch = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    (head,) = read(lite0.module, lite0.layers["head"].module, batch)
    assert head.min() >= 0
    assert head.max() <= 6
    with torch.no_grad():
        torch.testing.assert_close(lite0.module._fc(head.mean(dim=(2, 3))), lite0.module(batch), rtol=1e-4, atol=1e-4)


def test_lite0_every_layer_is_read_once_in_a_forward_pass(lite0: ImageModel) -> None:
    batch = torch.zeros(1, 3, 224, 224)
    calls = {name: [] for name in lite0.layers}
    handles = [
        lite0.module.get_submodule(point.module).register_forward_hook(lambda *_, name=name: calls[name].append(1))
        for name, point in lite0.layers.items()
    ]
    with torch.no_grad():
        lite0.module(batch)
    for handle in handles:
        handle.remove()
    assert set(map(len, calls.values())) == {1}


def test_tokens_become_a_grid_without_the_class_token() -> None:
    model = load(ModelRef("digits-vit"))
    assert [(layer.name, layer.channels, layer.height, layer.width) for layer in model.card.layers] == [
        (f"blocks.{i}", 48, 4, 4) for i in range(4)
    ]
    tokens = torch.arange(17.0)[None, :, None].expand(2, 17, 3)  # (batch, tokens, channels)
    grid = TokenGrid(extra=1, height=4, width=4)(tokens)
    assert grid.shape == (2, 3, 4, 4)
    assert torch.equal(grid[1, 2], torch.arange(1.0, 17.0).reshape(4, 4))


def test_the_vits_last_layer_reaches_the_logits() -> None:
    model = load(ModelRef("digits-vit"))
    point = list(model.layers.values())[-1]
    kept: list[Tensor] = []
    handle = model.module.get_submodule(point.module).register_forward_hook(lambda _, __, output: kept.append(output))
    logits = model.module(torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_())
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[0, 0], kept[0])
    assert point.to_map(gradient).abs().amax() > 0


def test_an_unknown_module_gives_every_map_it_makes_once() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    points, cards = discover(module, EXAMPLE)
    assert list(points) == ["0", "1", "2"]
    assert cards[-1].channels == 5


def test_a_module_that_runs_twice_or_passes_through_is_no_layer() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)
            self.act = nn.ReLU()
            self.nothing = nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            return self.act(self.nothing(self.conv(self.act(x)))).mean(dim=(2, 3))

    assert list(discover(Twice(), EXAMPLE)[0]) == ["conv"]


def test_many_layers_are_thinned_and_the_last_is_kept() -> None:
    module = nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(61)))
    points, _ = discover(module, EXAMPLE)
    assert len(points) == MOST
    assert list(points)[-1] == "60"


def test_a_module_without_maps_has_no_layers() -> None:
    assert discover(nn.Sequential(nn.Flatten(), nn.Linear(768, 2)), EXAMPLE) == ({}, ())


def test_a_named_layer_without_a_map_is_an_error() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1))
    with pytest.raises(ModelError, match="layer pooled: the module 1"):
        discover(module, EXAMPLE, {"pooled": "1"})
