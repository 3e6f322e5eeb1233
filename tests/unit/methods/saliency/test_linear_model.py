"""On a linear model every attribution is known: w · (x − x′), pixel by pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backend.data.baselines import baseline
from backend.data.samples import samples
from backend.engine.stepping import Engine
from backend.methods.question import ClassLogit, Contrast, Target
from tests.unit.engine import planted
from tests.unit.methods.saliency.conftest import Explain, asking

TARGETS = [pytest.param(ClassLogit(1), id="class"), pytest.param(Contrast(1, 2), id="contrast")]
PATHS = [{"rule": "adaptive"}, {"rule": "gauss-legendre", "steps": 8}, {"rule": "midpoint", "steps": 8}]


@pytest.fixture(autouse=True)
def _models(linear: None) -> None:
    """The planted models."""


@pytest.fixture
def values() -> dict[str, Any]:
    """The planted linear model and a digit."""
    return {"model": "test-linear", "sample": samples("digit")[4].name}


def weights(target: Target) -> np.ndarray:
    """The target's weight at each pixel, (1, 8, 8)."""
    of_class = planted.WEIGHTS[target.index] - (planted.WEIGHTS[target.against] if isinstance(target, Contrast) else 0)
    return of_class.reshape(1, planted.SIDE, planted.SIDE)


@pytest.mark.parametrize("target", TARGETS)
def test_the_gradient_is_the_weights_and_input_x_gradient_their_share(
    engine: Engine, explain: Explain, values: dict[str, Any], target: Target
) -> None:
    sample = asking(engine, "gradient", **values, target=target).sample.numpy()
    assert np.allclose(explain("gradient", **values, target=target).attribution, weights(target), atol=1e-7)
    shares = explain("input_x_gradient", **values, target=target)
    assert np.allclose(shares.attribution, weights(target) * sample, atol=1e-6)
    bias = 0.5 if isinstance(target, ClassLogit) else 0
    assert shares.attribution.sum() == pytest.approx(shares.logit - bias, abs=1e-5)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", ["black", "grey", "blur", "noise"])
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path["rule"])
def test_integrated_gradients_are_exact_from_every_baseline(
    engine: Engine, explain: Explain, values: dict[str, Any], path: dict[str, Any], kind: Any, target: Target
) -> None:
    result = explain("integrated_gradients", **values, **path, baseline=kind, target=target, seed=2)
    held = asking(engine, "integrated_gradients", **values, target=target)
    change = (held.sample - held.tensor(baseline(held.frame, kind, 2))).numpy()
    assert np.allclose(result.attribution, weights(target) * change, atol=1e-5)
    assert abs(result.facts["residual"]) < 1e-4
    if path["rule"] == "adaptive":
        assert result.facts["points"] == 9  # a straight line needs no refining


@pytest.mark.parametrize("target", TARGETS)
def test_occlusion_of_windows_apart_is_the_sum_of_their_pixels_shares(
    engine: Engine, explain: Explain, values: dict[str, Any], target: Target
) -> None:
    result = explain("occlusion", **values, cells=4, overlap=1, baseline="grey", target=target)
    held = asking(engine, "occlusion", **values, target=target)
    shares = (weights(target) * (held.sample - held.tensor(baseline(held.frame, "grey"))).numpy())[0]
    of_windows = shares.reshape(4, 2, 4, 2).sum((1, 3))
    assert np.allclose(result.heatmap, of_windows.repeat(2, 0).repeat(2, 1), atol=1e-5)


def test_occlusion_with_overlap_is_the_mean_of_the_windows_that_cover_a_pixel(
    engine: Engine, explain: Explain, values: dict[str, Any]
) -> None:
    result = explain("occlusion", **values, cells=4, overlap=2, baseline="black", target=1)
    shares = weights(ClassLogit(1))[0] * asking(engine, "occlusion", **values, target=1).sample.numpy()[0]
    windows = [
        (row, column, shares[row : row + 2, column : column + 2].sum()) for row in range(7) for column in range(7)
    ]  # windows of 2 moved by 1
    for row, column in ((0, 0), (3, 5), (7, 7)):
        covering = [loss for top, left, loss in windows if top <= row < top + 2 and left <= column < left + 2]
        assert result.heatmap[row, column] == pytest.approx(np.mean(covering), abs=1e-5)


@pytest.mark.parametrize("method", ["gradient", "input_x_gradient", "integrated_gradients", "smoothgrad"])
def test_a_pixel_the_model_does_not_look_at_gets_nothing(explain: Explain, values: dict[str, Any], method: str) -> None:
    heatmap = explain(method, **values, target=0).heatmap
    assert heatmap[planted.DUMMY] == 0
    assert np.count_nonzero(heatmap) > 8


def test_smoothgrad_of_a_linear_model_has_no_error(explain: Explain, values: dict[str, Any]) -> None:
    result = explain("smoothgrad", **values, target=0)
    assert np.allclose(result.attribution, weights(ClassLogit(0)), atol=1e-6)
    assert result.facts["standard_error"] < 1e-3
