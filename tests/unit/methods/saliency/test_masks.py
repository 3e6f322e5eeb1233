"""RISE's masks: as an independent resize makes them, half shown on average, and summed without being made."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import resize

from backend.methods.saliency.masks import draw_masks, interpolation, values_at, weighted_sum
from backend.methods.saliency.sweeps.random_masks import MaskMaker

sizes = st.tuples(st.integers(1, 14), st.integers(8, 60))


def made(grids: np.ndarray, shifts: np.ndarray, height: int, width: int) -> np.ndarray:
    """The masks as the sweep makes them, float64 (n, H, W)."""
    maker = MaskMaker(grids.shape[1], height, width, torch.zeros(3, height, width, dtype=torch.float64))
    return maker.make(grids, shifts)[:, 0].numpy()


def resized(grid: np.ndarray, shift: np.ndarray, side: int) -> np.ndarray:
    """A mask made independently: the grid enlarged by scikit-image to one cell more than the frame, cropped at the shift."""
    cells = len(grid)
    length = (cells + 1) * int(np.ceil(side / cells))
    large = resize(grid.astype(np.float64), (length, length), order=1, mode="edge", anti_aliasing=False)
    return large[shift[0] : shift[0] + side, shift[1] : shift[1] + side]


@pytest.mark.parametrize(("cells", "side"), [(7, 224), (3, 224), (14, 224), (5, 224), (7, 8), (3, 8)])
def test_masks_are_those_of_an_independent_resize(cells: int, side: int) -> None:
    grids, shifts = draw_masks(0, 12, cells, side)
    ours = made(grids, shifts, side, side)
    theirs = np.stack([resized(grid, shift, side) for grid, shift in zip(grids, shifts, strict=True)])
    assert np.abs(ours - theirs).max() < 1e-6


def test_a_shift_by_one_moves_the_mask_and_would_not_pass_for_the_same() -> None:
    grids, shifts = draw_masks(0, 4, 7, 224)
    moved = np.stack([resized(grid, (shift + 1) % 32, 224) for grid, shift in zip(grids, shifts, strict=True)])
    assert np.abs(made(grids, shifts, 224, 224) - moved).max() > 0.01


@pytest.mark.parametrize("cells", [3, 7, 14])
def test_masks_show_half_of_every_pixel_on_average(cells: int) -> None:
    count = 4000
    grids, shifts = draw_masks(1, count, cells, 32)
    masks = made(grids, shifts, 32, 32)
    assert abs(masks.mean() - 0.5) < 0.01
    # A pixel's mean over the masks strays by its standard error; 6 of them over 1024 pixels is never chance.
    assert np.abs(masks.mean(0) - 0.5).max() < 6 * masks.std(0).max() / np.sqrt(count)
    assert masks.min() >= 0
    assert masks.max() <= 1 + 1e-6


@given(st.integers(0, 2**31 - 1), st.integers(1, 40), st.integers(1, 40), sizes)
@settings(max_examples=40, deadline=None)
def test_a_mask_does_not_depend_on_how_many_there_are(seed: int, few: int, more: int, size: tuple[int, int]) -> None:
    cells, side = size
    grids, shifts = draw_masks(seed, few, cells, side)
    more_grids, more_shifts = draw_masks(seed, few + more, cells, side)
    assert np.array_equal(grids, more_grids[:few])
    assert np.array_equal(shifts, more_shifts[:few])


def test_masks_of_another_seed_are_others() -> None:
    assert not np.array_equal(draw_masks(0, 50, 7, 224)[0], draw_masks(1, 50, 7, 224)[0])


@given(sizes)
@settings(max_examples=60, deadline=None)
def test_interpolation_weights_are_shares_of_at_most_two_neighbouring_cells(size: tuple[int, int]) -> None:
    cells, side = size
    weights = interpolation(cells, side)  # (shifts, side, cells)
    assert weights.shape == (int(np.ceil(side / cells)), side, cells)
    assert np.allclose(weights.sum(2), 1, atol=1e-6)
    assert weights.min() >= 0
    assert ((weights > 0).sum(2) <= 2).all()


@given(st.integers(0, 999), st.integers(1, 30), st.integers(3, 9), st.integers(8, 40), st.integers(8, 40))
@settings(max_examples=30, deadline=None)
def test_the_weighted_sum_is_that_of_the_masks_made_one_by_one(
    seed: int, count: int, cells: int, height: int, width: int
) -> None:
    grids, shifts = draw_masks(seed, count, cells, min(height, width))
    weights = np.random.default_rng(seed).normal(size=count)
    rows, columns = interpolation(cells, height), interpolation(cells, width)
    by_hand = np.einsum("n,nhw->hw", weights, made(grids, shifts, height, width))
    assert np.abs(weighted_sum(weights, grids, shifts, rows, columns) - by_hand).max() < 1e-4 * (1 + np.abs(weights).sum())


def test_mask_values_on_a_coarse_grid_are_those_of_the_masks_there() -> None:
    grids, shifts = draw_masks(0, 9, 7, 224)
    rows = interpolation(7, 224)
    assert np.allclose(values_at(grids, shifts, rows, rows, 8), made(grids, shifts, 224, 224)[:, 4::8, 4::8], atol=1e-6)
