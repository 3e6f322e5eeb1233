"""RISE: the sum over masks made one by one, unbiased where the answer is known, with an error that holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from backend.data.samples import samples
from backend.engine.asking import Asking
from backend.engine.stepping import Engine
from backend.methods.question import ClassLogit, Contrast
from backend.methods.saliency.masks import draw_masks
from backend.methods.saliency.result import Saliency
from backend.methods.saliency.rise import standard_error
from backend.methods.saliency.series import RandomMasks
from backend.methods.saliency.sweeps.random_masks import MaskMaker
from backend.methods.steps import PassCount
from tests.unit.engine import planted
from tests.unit.methods.saliency.conftest import Explain, asking

SEEDS = range(40)


@pytest.fixture
def digit(engine: Engine, linear: None) -> str:
    return samples("digit")[3].name


def by_hand(engine: Engine, **values: Any) -> np.ndarray:
    """Σ (score_i − mean score) mask_i / (p N), every mask made and passed on its own."""
    held, target = asking(engine, "rise", **values), values["target"]
    params = held.question.params
    height, width = held.sample.shape[1:]
    grids, shifts = draw_masks(held.question.seed, params.masks, params.cells, min(height, width))
    masks = MaskMaker(params.cells, height, width, held.sample).make(grids, shifts)
    with torch.no_grad():
        shares = torch.cat([held.model.module((held.sample * mask)[None]).softmax(1) for mask in masks]).double().numpy()
    scores = shares[:, target.index]
    if isinstance(target, Contrast):
        scores = scores - shares[:, target.against]
    return np.einsum("n,nhw->hw", scores - scores.mean(), masks[:, 0].double().numpy()) / (0.5 * params.masks)


@pytest.mark.parametrize("target", [ClassLogit(3), Contrast(3, 8)], ids=["class", "contrast"])
def test_the_map_is_the_sum_over_masks_made_one_by_one(
    engine: Engine, explain: Explain, digit: str, target: ClassLogit | Contrast
) -> None:
    values = {"model": "digits-cnn", "sample": digit, "masks": 200, "seed": 4, "precision": "exact", "target": target}
    expected = by_hand(engine, **values)
    result = explain("rise", **values)
    assert np.abs(result.heatmap - expected).max() < 1e-5
    assert np.abs(expected).max() > 0.01


def test_the_map_of_a_photo_is_that_sum_too(engine: Engine, explain: Explain) -> None:
    values = {"model": "efficientnet-lite0", "sample": "cat", "masks": 50, "precision": "exact", "target": ClassLogit(285)}
    result, expected = explain("rise", **values), by_hand(engine, **values)
    assert np.abs(result.heatmap - expected).max() < 1e-4 * np.abs(expected).max() + 1e-6
    assert result.standard_error is not None
    assert result.standard_error.shape == (28, 28)


def expectation(held: Asking) -> np.ndarray:
    """What RISE estimates on the planted additive model: 0.4 / n · Σ_j x_j · cov(mask_j, mask_i) / p, from 200,000 masks.

    Its probability is 0.3 + 0.4 · mean(x · mask), so the map's expectation follows from the masks' covariance alone.
    """
    sample = held.sample[0].double().numpy().ravel()
    grids, shifts = draw_masks(10**6, 200_000, 3, planted.SIDE)
    maker = MaskMaker(3, planted.SIDE, planted.SIDE, torch.zeros(1))
    masks = maker.make(grids, shifts).flatten(1).numpy()
    covariance = np.cov(masks, rowvar=False)
    return (0.4 / sample.size * covariance @ sample / 0.5).reshape(planted.SIDE, planted.SIDE)


@pytest.fixture
def repeated(engine: Engine, explain: Explain, digit: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maps and their standard errors over seeds, (seeds, 8, 8) each, and the expectation (8, 8)."""
    values = {"model": "test-probability", "sample": digit, "target": 0, "cells": 3, "precision": "exact"}
    runs: list[Saliency] = [explain("rise", **values, masks=200, seed=seed) for seed in SEEDS]
    errors = np.stack([run.standard_error for run in runs])  # type: ignore[misc]
    return np.stack([run.heatmap for run in runs]), errors, expectation(asking(engine, "rise", **values))


def test_the_estimate_is_unbiased_on_an_additive_model(repeated: tuple[np.ndarray, ...]) -> None:
    maps, _, expected = repeated
    of_mean = maps.std(0, ddof=1) / np.sqrt(len(maps))
    away = (maps.mean(0) - expected) / of_mean
    print(f"\nbias over {len(maps)} seeds: at most {np.abs(away).max():.1f} standard errors of 64 pixels", end="")
    assert np.abs(away).max() < 4
    assert np.abs((maps.mean(0) - expected - 0.5 * expected.max()) / of_mean).max() > 4  # half the peak off would show


def test_the_standard_error_is_calibrated(repeated: tuple[np.ndarray, ...]) -> None:
    maps, errors, expected = repeated
    ratio = float(np.sqrt((errors**2).mean()) / np.sqrt(maps.var(0, ddof=1).mean()))
    inside = float((np.abs(maps - expected) <= 1.96 * errors).mean())
    print(f"\nstandard error told / seen: {ratio:.2f}; inside ± 1.96: {100 * inside:.1f} %", end="")
    assert 0.85 < ratio < 1.15
    assert 0.90 < inside < 0.985


def test_masks_cost_one_pass_each_and_another_class_costs_none(engine: Engine, explain: Explain, digit: str) -> None:
    values = {"model": "test-linear", "sample": digit, "masks": 100, "precision": "exact"}
    engine.workshop.model(asking(engine, "rise", **values, target=0).question.model)
    planted.Watched.reset()
    first = explain("rise", **values, target=0)
    assert planted.Watched.total() == 101
    assert first.passes == PassCount(101, 0)
    second = explain("rise", **values, target=1)
    contrast = explain("rise", **values, target=Contrast(0, 1))
    assert planted.Watched.total() == 101
    assert np.allclose(first.heatmap - second.heatmap, contrast.heatmap, atol=1e-6)
    assert not np.allclose(first.heatmap, second.heatmap, atol=1e-3)


def test_one_mask_has_no_standard_error_and_says_so(engine: Engine, digit: str) -> None:
    held = asking(engine, "rise", model="digits-cnn", sample=digit, target=3)
    sweep = next(held.sweep("random_masks", RandomMasks(50, 7, "exact"))).sweep
    assert sweep.done == 1
    assert np.isnan(standard_error(sweep, sweep.logits[:, 3], 8, 8)).all()
