"""EfficientNet-Lite0: the packaged module with its converted weights, each activation a module that runs once."""

from __future__ import annotations

from typing import Any

from safetensors.torch import load_file
from torch import nn

from backend import places
from backend.models.catalog import ModelError


def lite0() -> nn.Module:
    """EfficientNet-Lite0 (Tan & Le 2019), float32, batch norm unfolded. Raises ModelError where set-up is missing."""
    weights = places.models() / "efficientnet-lite0.safetensors"
    if not weights.is_file():
        raise ModelError(f"the weights of efficientnet-lite0 are missing ({weights}); `make run` brings them")
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ModelError("the package efficientnet_lite_pytorch is missing; `make run` brings it") from error
    module: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    module.load_state_dict(load_file(weights))
    give_each_activation_a_module(module)
    return module


def give_each_activation_a_module(network: Any) -> None:
    """Put a ReLU6 behind each batch norm it follows, in place of the one module that the package calls for all of them.

    A module that runs twice cannot be read or ruled by name: the output of `_swish` is the stem first and the head later.
    Afterwards `_bn0` and `_bn1` give activated maps, and the logits are the same bit by bit.
    """
    for part in (network, *network._blocks):
        for name in ("_bn0", "_bn1"):
            if hasattr(part, name):
                setattr(part, name, nn.Sequential(getattr(part, name), nn.ReLU6()))
        part._swish = nn.Identity()
