"""EfficientNet-Lite0: activations by name, the packaged network's logits."""

from __future__ import annotations

import torch
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import load_file
from torch import nn

from backend import places
from backend.models.efficientnet import lite0


def test_giving_each_activation_a_module_changes_no_bit() -> None:
    packaged = EfficientNet.from_name("efficientnet-lite0")
    packaged.load_state_dict(load_file(places.models() / "efficientnet-lite0.safetensors"))
    batch = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(lite0().eval()(batch), packaged.eval()(batch))


def test_every_activation_runs_once() -> None:
    network = lite0().eval()
    calls: list[str] = []
    for path, part in network.named_modules():
        if isinstance(part, nn.ReLU6):
            part.register_forward_hook(lambda *_, path=path: calls.append(path))
    with torch.inference_mode():
        network(torch.zeros(1, 3, 224, 224))
    # Stem, head, one in the first block, two in each of the other fifteen.
    assert len(calls) == len(set(calls)) == 33
