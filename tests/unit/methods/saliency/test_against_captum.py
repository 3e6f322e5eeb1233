"""Captum as an oracle: the same module, the same sample, float64, agreement to a millionth of the map's largest value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient, IntegratedGradients, LayerGradCam, Occlusion, Saliency
from torch import Tensor

from backend.data.baselines import baseline
from backend.data.samples import samples
from backend.engine.stepping import Engine
from backend.methods.saliency.occlusion import Occlusion as OcclusionParams
from backend.methods.saliency.sweeps.noise import draw
from tests.unit.methods.saliency.conftest import Explain, asking

pytestmark = pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients")
TOLERANCE = 1e-6
CAT = {"model": "efficientnet-lite0", "sample": "cat", "target": 285}
DIGIT = samples("digit")[0].name
CNN = {"model": "digits-cnn", "sample": DIGIT, "target": 3}
VIT = {"model": "digits-vit", "sample": DIGIT, "target": 3}
MODELS = [pytest.param(values, id=values["model"]) for values in (CAT, CNN, VIT)]
DTYPES = ["float64", "float32"]


def agree(what: str, ours: np.ndarray, theirs: Tensor | np.ndarray, dtype: str) -> None:
    """Assert agreement in float64, as a share of the oracle's largest value; in float32 print it.

    ReLU6 kinks flip under rounding, so float32 gradients differ between two ways to sum the same numbers.
    """
    expected = np.asarray(theirs.detach().double() if isinstance(theirs, Tensor) else theirs)
    assert ours.shape == expected.shape
    largest = float(np.abs(expected).max())
    difference = float(np.abs(ours - expected).max()) / largest
    print(f"\n{what}, {dtype}: {difference:.1e} of the largest value {largest:.3g}", end="")
    assert largest > 0
    if dtype == "float64":
        assert difference <= TOLERANCE


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("values", MODELS)
def test_gradient(engine: Engine, explain: Explain, values: dict[str, Any], dtype: str) -> None:
    held = asking(engine, "gradient", **values, dtype=dtype)
    theirs = Saliency(held.model.module).attribute(held.sample[None], target=values["target"], abs=False)[0]
    agree("gradient", explain("gradient", **values, dtype=dtype).attribution, theirs, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("values", MODELS)
def test_input_x_gradient(engine: Engine, explain: Explain, values: dict[str, Any], dtype: str) -> None:
    held = asking(engine, "input_x_gradient", **values, dtype=dtype)
    theirs = InputXGradient(held.model.module).attribute(held.sample[None].clone(), target=values["target"])[0]
    agree("input × gradient", explain("input_x_gradient", **values, dtype=dtype).attribution, theirs, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["black", "grey"])
@pytest.mark.parametrize(("rule", "theirs_name"), [("gauss-legendre", "gausslegendre"), ("midpoint", "riemann_middle")])
@pytest.mark.parametrize("values", MODELS)
def test_integrated_gradients(
    engine: Engine, explain: Explain, values: dict[str, Any], rule: str, theirs_name: str, kind: Any, dtype: str
) -> None:
    ours = explain("integrated_gradients", **values, dtype=dtype, rule=rule, steps=8, baseline=kind)
    held = asking(engine, "integrated_gradients", **values, dtype=dtype)
    start = held.tensor(baseline(held.frame, kind))[None]
    theirs, delta = IntegratedGradients(held.model.module).attribute(
        held.sample[None], start, target=values["target"], n_steps=8, method=theirs_name, return_convergence_delta=True
    )
    agree(f"integrated gradients {rule} {kind}", ours.attribution, theirs[0], dtype)
    assert ours.facts["residual"] == pytest.approx(float(delta), abs=1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("values", MODELS)
def test_smoothgrad_is_the_mean_of_captums_gradients_at_the_same_noisy_copies(
    engine: Engine, explain: Explain, values: dict[str, Any], dtype: str
) -> None:
    ours = explain("smoothgrad", **values, dtype=dtype, samples=8, level=0.1, seed=3)
    held = asking(engine, "smoothgrad", **values, dtype=dtype)
    sigma = 0.1 * (held.sample.max() - held.sample.min())
    copies = torch.stack([held.sample + sigma * draw(held.sample, 3, index) for index in range(8)])
    theirs = Saliency(held.model.module).attribute(copies, target=values["target"], abs=False).mean(0)
    agree("smoothgrad", ours.attribution, theirs, dtype)
    assert ours.logit == pytest.approx(float(held.model.module(held.sample[None])[0, values["target"]].detach()), rel=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("values", "layers"),
    [(CAT, ["stem", "blocks.0", "blocks.5", "blocks.15", "head"]), (CNN, ["stage1", "stage2", "stage3"])],
    ids=["efficientnet-lite0", "digits-cnn"],
)
def test_grad_cam_at_each_layer(engine: Engine, explain: Explain, values: dict[str, Any], layers: list[str], dtype: str) -> None:
    held = asking(engine, "grad_cam", **values, dtype=dtype)
    for layer in layers:
        ours = explain("grad_cam", **values, dtype=dtype, layer=layer)
        module = held.model.module.get_submodule(held.model.layers[layer].module)
        oracle = LayerGradCam(held.model.module, module)
        theirs = oracle.attribute(held.sample[None].clone(), target=values["target"], relu_attributions=False)[0, 0]
        agree(f"grad-cam {layer}", ours.cells, theirs, dtype)
        assert np.array_equal(ours.layers[layer], ours.cells)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("values", "params"),
    [(CAT, {"cells": 3, "overlap": 1}), (CAT, {"cells": 3, "overlap": 2, "baseline": "black"}),
     (CNN, {"cells": 3, "overlap": 3}), (VIT, {"cells": 7, "overlap": 1})],
    ids=["lite0", "lite0-overlapping", "cnn", "vit"],
)  # fmt: skip
def test_occlusion(engine: Engine, explain: Explain, values: dict[str, Any], params: dict[str, Any], dtype: str) -> None:
    ours = explain("occlusion", **values, **params, dtype=dtype)
    held = asking(engine, "occlusion", **values, dtype=dtype)
    channels, side = held.sample.shape[:2]
    window = -(-side // params["cells"])  # rounded up: the last windows are cut at the border, as Captum's are
    fill = held.tensor(baseline(held.frame, params.get("baseline", OcclusionParams().baseline)))[None]
    with torch.no_grad():
        theirs = Occlusion(held.model.module).attribute(
            held.sample[None],
            sliding_window_shapes=(channels, window, window),
            strides=(channels, max(1, window // params["overlap"]), max(1, window // params["overlap"])),
            baselines=fill,
            target=values["target"],
            perturbations_per_eval=8,
        )[0]
    agree(f"occlusion {params}", ours.attribution, theirs[:1], dtype)
