"""Pictures as Fourier coefficients or as phases alone: what the ascent moves, in place of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

# How the colours of natural photos vary together: a square root of the covariance of ImageNet's pixels, columns are light and
# the two colour contrasts (Olah et al. 2017 publish it with Lucid).
COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
LEAST_SLOPE = 0.05  # of the sigmoid, 0.25 at its steepest
QUARTER = 0.25  # keeps a fresh picture inside the steep part of the sigmoid


class Picture(Protocol):
    """A picture that can be moved uphill: `leaf` is what an optimiser changes, in float32."""

    leaf: Tensor

    def pixels(self) -> Tensor: ...


@dataclass
class FourierPicture:
    """Fourier coefficients scaled by 1/f, so that a step moves coarse and fine shapes as natural photos have them.

    leaf: float32 (C, H, W // 2 + 1, 2).
    """

    leaf: Tensor
    height: int
    width: int

    @classmethod
    def random(
        cls, channels: int, height: int, width: int, *, amplitude: float, generator: torch.Generator, device: torch.device
    ) -> FourierPicture:
        """Coefficients from a normal of deviation `amplitude`; 0.01 is nearly grey."""
        drawn = torch.randn(channels, height, width // 2 + 1, 2, generator=generator) * amplitude
        return cls(drawn.to(device).requires_grad_(True), height, width)

    @classmethod
    def of(cls, photo: np.ndarray, device: torch.device) -> FourierPicture:
        """The coefficients of a photo, uint8 (H, W, C); its blackest and whitest pixels lose a level or two."""
        height, width = photo.shape[:2]
        spectrum = torch.fft.rfft2(planes_of(photo), norm="ortho") / QUARTER * frequencies(height, width)
        return cls(torch.view_as_real(spectrum).contiguous().to(device).requires_grad_(True), height, width)

    def pixels(self) -> Tensor:
        """The picture, (1, C, H, W), from 0 to 255."""
        scale = 1 / frequencies(self.height, self.width).to(self.leaf.device)
        spectrum = torch.view_as_complex(self.leaf) * scale
        plane = torch.fft.irfft2(spectrum, s=(self.height, self.width), norm="ortho") * QUARTER
        return coloured(plane)[None]


@dataclass
class PhasePicture:
    """Phases under a fixed magnitude, the mean of photos' (MACO, Fel et al. 2023).

    leaf: float32 (C, H, W // 2 + 1). magnitude: the same shape.
    """

    leaf: Tensor
    magnitude: Tensor
    height: int
    width: int

    @classmethod
    def random(cls, magnitude: Tensor, height: int, width: int, generator: torch.Generator) -> PhasePicture:
        """Phases from a standard normal."""
        drawn = torch.randn(magnitude.shape, generator=generator).to(magnitude.device)
        return cls(drawn.requires_grad_(True), magnitude, height, width)

    def pixels(self) -> Tensor:
        """The picture, (1, C, H, W), from 0 to 255."""
        spectrum = torch.polar(self.magnitude, _standard(self.leaf))
        return coloured(_standard(torch.fft.irfft2(spectrum, s=(self.height, self.width))))[None]


def frequencies(height: int, width: int) -> Tensor:
    """The frequency of each coefficient of `rfft2` in cycles a pixel, float32 (H, W // 2 + 1), the lowest for the mean too."""
    down = torch.fft.fftfreq(height)[:, None]
    across = torch.fft.rfftfreq(width)[None]
    return torch.sqrt(down**2 + across**2).clamp_min(1 / max(height, width))


def coloured(planes: Tensor) -> Tensor:
    """Independent planes (C, H, W) as pixels from 0 to 255, their colours correlated as photos' are where there are three."""
    if len(planes) == 3:
        planes = torch.einsum("cd,dhw->chw", _colours(planes), planes)
    return 255 * _Squash.apply(planes)


class _Squash(torch.autograd.Function):
    """The sigmoid, but a pixel that must come back from its flat end feels a slope of at least LEAST_SLOPE.

    A pixel that starts black could not turn white else. Each keeps the sign of its gradient, so the way still leads up;
    what comes in backwards must be the way up, not down.
    """

    @staticmethod
    def forward(context: Any, planes: Tensor) -> Tensor:
        """0 to 1."""
        share = torch.sigmoid(planes)
        context.save_for_backward(share)
        return share

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        """The gradient to the planes."""
        (share,) = context.saved_tensors
        slope = share * (1 - share)
        back = gradients[0] * (share - 0.5) < 0
        return gradients[0] * torch.where(back, slope.clamp_min(LEAST_SLOPE), slope)


def magnitudes(photos: Sequence[np.ndarray], device: torch.device) -> Tensor:
    """The mean magnitude of photos' spectra in independent planes, float32 (C, H, W // 2 + 1).

    photos: uint8 (H, W, C), all of one size, none of them constant.
    """
    return torch.stack([torch.fft.rfft2(_standard(planes_of(photo))).abs() for photo in photos]).mean(dim=0).to(device)


def planes_of(photo: np.ndarray) -> Tensor:
    """A photo, uint8 (H, W, C), as independent planes, float32 (C, H, W): the inverse of `coloured`."""
    share = torch.from_numpy(photo.astype(np.float32).transpose(2, 0, 1)).clamp(1, 254) / 255
    planes = torch.logit(share)
    return torch.einsum("cd,dhw->chw", torch.linalg.inv(_colours(planes)), planes) if len(planes) == 3 else planes


def _colours(like: Tensor) -> Tensor:
    matrix = like.new_tensor(COLOURS)
    return matrix / torch.linalg.vector_norm(matrix, dim=0).max()


def _standard(values: Tensor) -> Tensor:
    return (values - values.mean()) / (values.std() + 1e-8)
