"""The digits models: the shipped weights read held-out digits, and the split keeps those out of training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from backend.data.digits import held_out, training
from backend.methods.question import ModelRef
from backend.models.digits import DigitsCNN
from backend.models.loading import load
from backend.models.train_digits import accuracy, inputs, shifted


def test_held_out_and_training_share_no_picture() -> None:
    assert not set(held_out().indices) & set(training().indices)
    assert len(held_out().indices) + len(training().indices) == 1797


def test_pictures_are_grey_bytes_from_paper_to_ink() -> None:
    digits = training()
    assert digits.pixels.dtype == np.uint8
    assert digits.pixels.shape[1:] == (8, 8)
    assert (digits.pixels.min(), digits.pixels.max()) == (0, 255)


@pytest.mark.parametrize(("name", "least"), [("digits-cnn", 0.97), ("digits-vit", 0.95)])
def test_the_shipped_weights_read_held_out_digits(name: str, least: float) -> None:
    assert accuracy(load(ModelRef(name)).module, held_out()) >= least


def test_a_model_that_has_not_learnt_fails_the_same_measure() -> None:
    torch.manual_seed(0)
    assert accuracy(DigitsCNN().eval(), held_out()) < 0.5


def test_shifting_moves_a_picture_by_at_most_a_pixel() -> None:
    batch = inputs(training())[:64]
    moved = shifted(batch, torch.Generator().manual_seed(0))
    assert moved.shape == batch.shape
    assert not torch.equal(moved, batch)
    inner = batch[:, :, 2:6, 2:6]
    windows = [moved[:, :, y : y + 4, x : x + 4] for y in (1, 2, 3) for x in (1, 2, 3)]
    matches = torch.stack([(window == inner).all(dim=(1, 2, 3)) for window in windows])
    assert bool(matches.any(dim=0).all())
