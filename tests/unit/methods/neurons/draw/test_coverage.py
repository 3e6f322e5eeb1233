"""Activation coverage against brute force, against a hand-made gradient, and where it must and must not see strangeness."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Picture
from torch import Tensor, nn

import backend
from backend.data import digits, images
from backend.data.corpora import corpus
from backend.data.frames import Preprocess
from backend.engine.stepping import Engine
from backend.methods.neurons.activation_coverage import Coverage
from backend.methods.neurons.coverage_profile import CoverageProfile, layers_of
from backend.methods.neurons.draw.coverage_choice import SHARES, STEEPNESSES, Trial, auroc, groups_of, scrambled
from backend.methods.neurons.draw.coverage_fit import Fitted, columns
from backend.methods.neurons.draw.coverage_histogram import (
    alphas_of,
    counted,
    coverage,
    intervals,
    layer_scores,
    percentile,
    states,
)
from backend.methods.neurons.draw.coverage_states import activity
from backend.methods.neurons.draw.covering import split
from backend.methods.params import ParameterError
from backend.methods.question import Image
from backend.methods.registry import method_named
from backend.methods.steps import Progress
from backend.models.card import UnitLayer
from tests.unit.methods.neurons.draw.conftest import asking, result, steps

PROFILE, METHOD = "coverage_profile", "activation_coverage"
FEW: dict[str, Any] = {"items": 200, "layers": "stage1, stage3", "steepness": 3.0, "filled": 2.0}


class Blind(nn.Module):
    """Looks at the mean brightness and at nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Conv2d(1, 4, 1)
        with torch.no_grad():
            self.seen.weight.fill_(1.0)

    def forward(self, pixels: Tensor) -> Tensor:
        """(batch, 1, 8, 8) → (batch, 2)."""
        total = self.seen(pixels)[:, :2].mean(dim=(2, 3))
        return torch.stack([total[:, 0], -total[:, 1]], dim=1)


def stored(pixels: np.ndarray) -> Image:
    """A picture, uint8 (8, 8), as a sample."""
    return Image(images.store(Picture.fromarray(pixels)))


def brute_force(found: np.ndarray, bins: int) -> np.ndarray:
    """Samples × intervals × units as comparisons, as the paper's code does; the last interval closed."""
    edges = np.linspace(0, 1, bins + 1)[:, None]
    return (found[:, None] >= edges[:-1]) & ((found[:, None] < edges[1:]) | (np.arange(bins)[:, None] == bins - 1))


@pytest.mark.parametrize("bins", [4, 50, 333])
def test_the_histogram_and_the_coverage_equal_brute_force_exactly(bins: int) -> None:
    generator = np.random.default_rng(0)
    found = generator.uniform(size=(211, 17))
    found[::7] = np.round(found[::7] * bins) / bins  # on the edges
    found[0], found[1] = 0.0, 1.0
    compared = brute_force(found, bins)
    assert np.array_equal(counted(found, bins), compared.sum(axis=0))
    assert counted(found, bins).sum() == found.size  # no state is lost, not even 1
    filled = np.minimum(counted(found, bins) / 3, 1)
    new = generator.uniform(size=(40, 17))
    wanted = (brute_force(new, bins) * filled[None]).sum(axis=1)
    assert np.allclose(coverage(new, counted(found, bins), 3), wanted, atol=1e-7)


def test_a_state_never_seen_is_not_covered_and_one_seen_often_is() -> None:
    counts = counted(np.full((10, 2), 0.31), 10)
    assert coverage(np.array([[0.35, 0.95]]), counts, 10).tolist() == [[1.0, 0.0]]
    assert coverage(np.array([[0.35, 0.35]]), counts, 20).tolist() == [[0.5, 0.5]]
    assert intervals(np.array([0.0, 0.1, 0.999, 1.0]), 10).tolist() == [0, 1, 9, 9]


def test_layers_count_alike_whatever_their_size_and_states_do_not_overflow() -> None:
    layers = (UnitLayer("a", 1, "channel"), UnitLayer("b", 3, "channel"))
    covered = np.array([[1.0, 0.0, 0.0, 0.6]], np.float32)
    assert np.allclose(layer_scores(covered, layers), [[1.0, 0.2]])
    assert states(np.array([[-1e9, 0.0, 1e9, 1.0]]), (1e5, 2.0), layers)[0].tolist() == pytest.approx([0.0, 0.5, 1.0, 0.880797])
    assert percentile(2.0, np.array([1.0, 2.0, 3.0, 4.0])) == 37.5
    assert math.isnan(percentile(2.0, np.array([])))


def test_a_layers_own_steepness_makes_its_scale_no_matter_and_a_layer_of_zeros_does_no_harm() -> None:
    layers = (UnitLayer("a", 2, "channel"), UnitLayer("b", 3, "channel"))
    products = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
    scaled = products * np.array([1, 1, 1e-3, 1e-3, 1e-3], np.float32)
    one, other = (states(values, alphas_of(values, layers, 3.0), layers) for values in (products, scaled))
    assert np.allclose(one, other, atol=1e-5)
    direct = 3 / np.sqrt(np.mean(products[:, :2].astype(np.float64) ** 2))
    assert alphas_of(products, layers, 3.0)[0] == pytest.approx(direct)
    assert states(np.zeros((4, 5)), alphas_of(np.zeros((4, 5)), layers, 3.0), layers).tolist() == [[0.5] * 5] * 4


def test_what_is_read_is_the_activation_times_the_gradient_to_the_pooled_unit(engine: Engine) -> None:
    """Against autograd through a pooled unit that is moved by hand: stage3 is followed by its own mean."""
    held = asking(engine, PROFILE, model="digits-cnn", sample=corpus("digits"))
    frames = digits.held_out().pixels[:5, ..., None]
    found = activity(held, frames, ["stage3"])
    module = held.model.module
    rows = torch.stack([held.tensor(pixels) for pixels in frames])
    pooled = module.halve(module.stage2(module.stage1(rows)))
    pooled = module.stage3(pooled).mean(dim=(2, 3)).detach().requires_grad_(True)  # (5, 48)
    logits = module.head(pooled)
    uniform = torch.full_like(logits, 0.1)
    loss = torch.nn.functional.kl_div(torch.log_softmax(logits, dim=1), uniform, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, pooled)
    assert np.allclose(found.products, (pooled * gradient).detach().numpy(), atol=1e-5)
    assert np.allclose(found.confidence, torch.softmax(logits, dim=1).amax(dim=1).detach().numpy(), atol=1e-6)


def test_shuffled_digits_are_less_familiar_than_held_out_ones_and_those_score_as_the_profile_says(engine: Engine) -> None:
    held = digits.held_out().pixels[:12]
    generator = np.random.default_rng(0)
    shuffled = np.stack([generator.permutation(picture.ravel()).reshape(8, 8) for picture in held])
    own, odd = (
        [result(engine, METHOD, model="digits-cnn", sample=stored(pixels), **FEW) for pixels in pictures]
        for pictures in (held, shuffled)
    )
    assert np.mean([found.score for found in own]) > np.mean([found.score for found in odd]) + 0.05
    assert np.median([found.percentile for found in odd]) < 15 < np.median([found.percentile for found in own])
    first: Coverage = own[0]
    assert first.score == pytest.approx(np.mean(list(first.by_layer.values())))
    assert list(first.by_layer) == ["stage1", "stage3"]
    assert first.coverage.shape == (16 + 48,)
    assert first.built == 200
    assert first.held_out.shape == (50,)
    assert set(first.auroc) == set(first.auroc_confidence) == {"pixels", "patches"}
    assert 0.8 < first.auroc["pixels"] <= 1
    assert 0.1 <= first.confidence <= 1


def test_a_model_that_sees_only_brightness_finds_shuffled_digits_as_familiar_as_their_originals(engine: Engine) -> None:
    """The case coverage must fail: what no unit sees cannot be strange to it."""
    backend.add_model("test-blind", Blind, Preprocess(8, 8, 8, (0.0,), (255.0,)), ("dark", "light"))
    picture = digits.held_out().pixels[3]
    shuffled = np.random.default_rng(1).permutation(picture.ravel()).reshape(8, 8)
    own, odd, bright = (
        result(engine, METHOD, model="test-blind", sample=stored(pixels), items=100, steepness=1.0, filled=5.0).score
        for pixels in (picture, shuffled, np.full((8, 8), 255, np.uint8))
    )
    assert own == pytest.approx(odd, abs=1e-6)
    assert bright < own


def test_building_and_held_out_samples_have_no_source_in_common_and_a_held_out_part_is_used(engine: Engine) -> None:
    building, apart = split(corpus("digits"), 400)
    assert len(building.items) == 400
    assert len(apart.items) == 200
    assert building.sources == 400
    rows = {building.pictures.source(item) for item in building.items}
    assert not rows & {apart.pictures.source(item) for item in apart.items}
    crops, others = split(corpus("photos"), 100)
    assert not {crops.pictures.source(i) for i in crops.items} & {others.pictures.source(i) for i in others.items}
    assert crops.sources + others.sources <= len(set(crops.pictures.sources))


def test_the_profile_keeps_its_forecast_leaves_the_model_as_it_was_and_is_asked_once(engine: Engine) -> None:
    held = asking(engine, PROFILE, model="digits-cnn", sample=corpus("digits"), **FEW)
    rows = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    before = held.forward(rows).logits.clone()
    found = list(steps(engine, PROFILE, model="digits-cnn", sample=corpus("digits"), **FEW))
    assert isinstance(found[0], Progress)
    profile: CoverageProfile = found[-1].value  # type: ignore[union-attr]
    assert profile.passes == method_named(PROFILE).cost(held.question.params, held.model.card)
    assert profile.counts.sum(axis=0).tolist() == [200] * 64
    assert torch.equal(held.forward(rows).logits, before)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in held.model.module.modules())
    sample = backend.data.samples.samples("digit")[0].name
    first = list(steps(engine, METHOD, model="digits-cnn", sample=sample, **FEW))
    again = list(steps(engine, METHOD, model="digits-cnn", sample=sample, **FEW))
    assert len(first) > 10
    assert len(again) == 1


def test_what_is_left_open_is_chosen_by_the_scrambled_copies_of_one_half_and_told_for_the_other(engine: Engine) -> None:
    found: CoverageProfile = result(engine, PROFILE, model="digits-cnn", sample=corpus("digits"), items=200)
    assert found.auroc["pixels"] > 0.85
    assert len(found.scores) == len(found.confidence) == len(found.brightness) == 50
    fixed: CoverageProfile = result(
        engine, PROFILE, model="digits-cnn", sample=corpus("digits"), items=200, layers="stage1", steepness=100.0, filled=0.5
    )
    assert np.mean(list(found.auroc.values())) > np.mean(list(fixed.auroc.values()))
    assert [layer.name for layer in fixed.layers] == ["stage1"]
    assert fixed.filled == 1


def test_the_choice_finds_the_layer_that_tells_apart_and_not_one_that_does_not() -> None:
    generator = np.random.default_rng(0)
    layers = (UnitLayer("blind", 8, "channel"), UnitLayer("seeing", 8, "channel"))
    built, familiar, strange = (generator.normal(size=(count, 16)) for count in (300, 80, 80))
    strange[:, 8:] *= 1.7
    trial = Trial(built, familiar, {"odd": strange}, layers, 50)
    assert len(list(trial.run(STEEPNESSES, SHARES))) == 2
    chosen = trial.best(groups_of(2))
    assert chosen.layers == (1,)
    fitted = Fitted.of(built, layers, chosen, 50)
    new = generator.normal(size=(80, 16))
    odd = new * np.where(np.arange(16) < 8, 1, 6)
    assert auroc(*(fitted.scores(columns(part, layers, chosen.layers)) for part in (new, odd))) > 0.95
    assert auroc(fitted.scores(new[:, 8:]), fitted.scores(generator.normal(size=(80, 16))[:, 8:])) == pytest.approx(0.5, abs=0.12)


def test_scrambled_copies_hold_the_same_pixels_in_another_order() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 10, 9, 1), dtype=np.uint8)
    copies = scrambled(frames, 0)
    for kind in ("pixels", "patches"):
        assert not np.array_equal(copies[kind], frames)
        assert np.array_equal(np.sort(copies[kind].reshape(3, -1)), np.sort(frames.reshape(3, -1)))
    assert np.array_equal(copies["patches"][:, 8:], frames[:, 8:])  # what no whole patch covers stays
    pairs = np.array([[0.0, 1.0], [2.0, 1.0]])
    assert auroc(pairs[1], pairs[0]) == 0.875


def test_bad_layers_and_numbers_are_named_with_their_limits(engine: Engine) -> None:
    card = asking(engine, PROFILE, model="digits-cnn", sample=corpus("digits")).model.card
    assert [layer.name for layer in layers_of(" stage2,stage1, stage2 ", card)] == ["stage2", "stage1"]
    with pytest.raises(ParameterError, match="Layers: there is no 'stage9'; there are stage1, stage2, stage3"):
        layers_of("stage1,stage9", card)
    with pytest.raises(ParameterError, match="Steepness: -1.0 is outside 0 to 1000"):
        backend.ask(PROFILE, model="digits-cnn", sample=corpus("digits"), steepness=-1.0)
