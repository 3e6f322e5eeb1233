"""Two small models of handwritten digits with shipped weights: a convolution network and a vision transformer."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

WEIGHTS = Path(__file__).parents[2] / "assets" / "weights"
CLASSES = 10
_SIDE = 8


class DigitsCNN(nn.Sequential):
    """Three convolutions with batch norm, the last on a 4 × 4 grid, then the mean over the grid and a linear layer.

    Takes (batch, 1, 8, 8), gives logits (batch, 10).
    """

    def __init__(self) -> None:
        super().__init__()
        for name, channels, filters in (("stage1", 1, 16), ("stage2", 16, 32), ("stage3", 32, 48)):
            convolution = nn.Conv2d(channels, filters, kernel_size=3, padding=1, bias=False)
            self.add_module(name, nn.Sequential(convolution, nn.BatchNorm2d(filters), nn.ReLU()))
            if name == "stage2":
                self.add_module("halve", nn.MaxPool2d(2))
        self.add_module("mean", nn.AdaptiveAvgPool2d(1))
        self.add_module("flatten", nn.Flatten())
        self.add_module("head", nn.Linear(48, CLASSES))


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017), its weights the output of `softmax`: (batch, heads, tokens, tokens)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.softmax = nn.Softmax(dim=-1)
        self.project = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, tokens, width) → the same shape."""
        batch, count, width = tokens.shape
        split = self.query_key_value(tokens).reshape(batch, count, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each (batch, heads, tokens, width / heads)
        weights = self.softmax(query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5)
        return self.project((weights @ value).transpose(1, 2).reshape(batch, count, width))


class Block(nn.Module):
    """A transformer block with its norms before attention and MLP."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, tokens, width) → the same shape."""
        tokens = tokens + self.attention(self.attention_norm(tokens))
        return tokens + self.mlp(self.mlp_norm(tokens))


class DigitsViT(nn.Module):
    """A vision transformer (Dosovitskiy et al. 2021) over 4 × 4 patches of 2 × 2 pixels, read at its class token.

    Takes (batch, 1, 8, 8), gives logits (batch, 10). Its layers are the blocks' normalised inputs: what the last block
    leaves at the patches reaches no logit, so Grad-CAM there would be zero.
    """

    def __init__(self, width: int = 48, depth: int = 4, heads: int = 4, patch: int = 2) -> None:
        super().__init__()
        patches = (_SIDE // patch) ** 2
        self.embed = nn.Conv2d(1, width, kernel_size=patch, stride=patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(torch.randn(1, patches + 1, width) * 0.02)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, pixels: Tensor) -> Tensor:
        """(batch, 1, 8, 8) → (batch, 10)."""
        patches = self.embed(pixels).flatten(2).transpose(1, 2)  # (batch, patches, width)
        tokens = torch.cat([self.class_token.expand(len(pixels), -1, -1), patches], dim=1)
        tokens = self.blocks(tokens + self.position)
        return self.head(self.norm(tokens[:, 0]))


def cnn() -> nn.Module:
    """The convolution network with the shipped weights."""
    return _with_weights(DigitsCNN(), "digits-cnn")


def vit() -> nn.Module:
    """The vision transformer with the shipped weights."""
    return _with_weights(DigitsViT(), "digits-vit")


def _with_weights(module: nn.Module, name: str) -> nn.Module:
    module.load_state_dict(load_file(WEIGHTS / f"{name}.safetensors"))
    return module
