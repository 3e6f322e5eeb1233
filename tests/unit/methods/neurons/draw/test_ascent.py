"""The parts of an ascent: transformations, parametrisations, and one step against autograd through everything at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from backend.engine.stepping import Engine
from backend.methods.neurons.draw import drawing
from backend.methods.neurons.draw.parametrisations import FourierPicture, PhasePicture, frequencies, magnitudes
from backend.methods.neurons.draw.transforms import drawn, identity, reach, transformed
from backend.methods.neurons.feature_visualization import FeatureVisualization
from tests.unit.methods.neurons.draw import planted
from tests.unit.methods.neurons.draw.conftest import asking

CPU = torch.device("cpu")


def generator(seed: int = 0) -> torch.Generator:
    """A generator of that seed."""
    return torch.Generator().manual_seed(seed)


def test_the_identity_changes_no_bit_and_a_whole_pixels_shift_is_a_shift() -> None:
    picture = torch.randn(1, 3, 12, 10, generator=generator())
    assert torch.allclose(transformed(picture, identity(2)), picture.expand(2, 3, 12, 10), atol=1e-6)
    right = identity(1).clone()
    right[0, 0, 2] = 2 * 3 / 10  # three of ten pixels
    shifted = transformed(picture, right)
    assert torch.allclose(shifted[..., :7], picture[..., 3:], atol=1e-5)
    assert torch.all(shifted[..., 7:].abs() < 1e-5)  # the model's mean grey comes in


def test_a_quarter_turn_of_a_picture_that_is_no_square_turns_pixels_and_does_not_stretch_them() -> None:
    picture = torch.zeros(1, 1, 20, 40)
    picture[0, 0, 9:11, 16:24] = 1.0  # a lying bar, 8 × 2
    turn = torch.tensor([[[0.0, -20 / 40, 0.0], [40 / 20, 0.0, 0.0]]])
    turned = transformed(picture, turn)[0, 0]
    assert torch.allclose(turned[6:14, 19:21], torch.ones(8, 2), atol=1e-4)
    assert float(turned.sum()) == pytest.approx(16.0, abs=1e-3)


@pytest.mark.parametrize(("side", "shift", "degrees"), [(224, 8.0, 10.0), (8, 1.0, 5.0)])
def test_transformations_stay_within_their_reach_and_fill_it(side: int, shift: float, degrees: float) -> None:
    moves = drawn(2000, side, side, generator())
    scale = torch.linalg.vector_norm(moves[:, 0, :2], dim=1)
    angle = torch.rad2deg(torch.atan2(moves[:, 1, 0], moves[:, 0, 0])).abs()
    pixels = moves[:, :, 2].abs() * side / 2
    most = reach(side, side)
    assert (most.shift, most.degrees) == (shift, degrees)
    assert 0.97 * shift < float(pixels.max()) <= shift
    assert 0.97 * degrees < float(angle.max()) <= degrees + 1e-3
    assert 1 / (1 + most.scale) - 1e-4 <= float(scale.min()) < float(scale.max()) <= 1 / (1 - most.scale) + 1e-4


def test_a_fourier_picture_starts_nearly_grey_and_coarse_shapes_move_further_than_fine_ones() -> None:
    picture = FourierPicture.random(3, 32, 24, amplitude=0.01, generator=generator(), device=CPU)
    assert float((picture.pixels().detach() - 127.5).abs().max()) < 10
    scale = frequencies(32, 24)
    assert scale.shape == (32, 13)
    assert float(scale[0, 0]) == pytest.approx(1 / 32)
    assert float(scale[16, 12]) == pytest.approx(math.sqrt(0.5))
    picture.leaf.data.zero_()
    picture.leaf.data[:, 1, 0, 0] = 1.0
    coarse = float((picture.pixels().detach() - 127.5).abs().max())
    picture.leaf.data.zero_()
    picture.leaf.data[:, 8, 0, 0] = 1.0
    assert coarse > 5 * float((picture.pixels().detach() - 127.5).abs().max())


def test_a_black_pixel_that_should_be_white_comes_back_and_one_that_should_be_black_stays() -> None:
    picture = FourierPicture(torch.zeros(1, 4, 3, 2, requires_grad=True), 4, 4)
    picture.leaf.data[0, 0, 0, 0] = -100.0  # all black
    pixels = picture.pixels()
    up, down = (
        torch.autograd.grad(pixels, picture.leaf, sign * torch.ones_like(pixels), retain_graph=True)[0] for sign in (1, -1)
    )
    assert float(up[0, 0, 0, 0]) > 1.0
    assert abs(float(down[0, 0, 0, 0])) < 1e-3


@pytest.mark.parametrize("channels", [1, 3])
def test_a_photos_coefficients_give_the_photo_again(channels: int) -> None:
    photo = np.random.default_rng(0).integers(3, 252, (11, 14, channels), dtype=np.uint8)
    again = FourierPicture.of(photo, CPU).pixels()[0].permute(1, 2, 0).detach().numpy()
    assert np.abs(again - photo).max() < 0.6


def test_maco_keeps_the_photos_magnitudes_whatever_its_phases_do() -> None:
    photos = [np.random.default_rng(seed).integers(0, 256, (16, 16, 1), dtype=np.uint8) for seed in range(3)]
    wanted = magnitudes(photos, CPU)
    direct = []
    for photo in photos:
        plane = np.log(np.clip(photo[..., 0] / 255, 1 / 255, 254 / 255) / (1 - np.clip(photo[..., 0] / 255, 1 / 255, 254 / 255)))
        direct.append(np.abs(np.fft.rfft2((plane - plane.mean()) / plane.std(ddof=1))))
    assert np.allclose(wanted[0].numpy(), np.mean(direct, axis=0), rtol=1e-3, atol=1e-3)
    for seed in (1, 2):
        plane = torch.logit(PhasePicture.random(wanted, 16, 16, generator(seed)).pixels()[0] / 255)
        found = torch.fft.rfft2(plane).abs()[0, 1:8, 1:8]  # the edges of the half plane are their own mirror images
        ratio = found / wanted[0, 1:8, 1:8]
        assert float(ratio.detach().std() / ratio.detach().mean()) < 1e-3


@pytest.mark.parametrize("parametrisation", ["fourier", "maco"])
def test_a_step_moves_along_the_gradient_of_the_whole_chain(engine: Engine, parametrisation: str) -> None:
    """Against autograd from the coefficients through transformations and the planted convolution in one graph."""
    held = asking(engine, "feature_visualization", model="test-planted", layer="seen", seed=3)
    params = FeatureVisualization("seen", planted.CROSS, copies=3, parametrisation=parametrisation)  # type: ignore[arg-type]
    ascent, _ = drawing._start(held, drawing._aim(held, params), params, 3, 0)
    moves = drawn(3, planted.SIDE, planted.SIDE, torch.Generator().manual_seed(3000))
    ascent.generator = torch.Generator().manual_seed(3000)
    pixels = ascent.picture.pixels()
    seen = transformed((pixels - 127.5) / 127.5, moves)
    values = torch.nn.functional.conv2d(seen, planted.filters(), padding=planted.REACH // 2)
    score = values[:, planted.CROSS].mean(dim=(1, 2)).mean()
    (wanted,) = torch.autograd.grad(score, ascent.picture.leaf)
    applied: list[torch.Tensor] = []
    ascent._optimiser.register_step_pre_hook(lambda *_: applied.append(-ascent.picture.leaf.grad.clone()))  # type: ignore[union-attr]
    assert ascent.step() == pytest.approx(float(score.detach()), abs=1e-5)
    assert torch.allclose(applied[0], wanted, rtol=1e-3, atol=1e-6 * float(wanted.abs().max()) + 1e-7)
