"""Feature visualisation against optima that are known, and against units it cannot draw."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import backend
from backend.engine.stepping import Engine
from backend.methods.neurons.draw import drawing
from backend.methods.neurons.feature_visualization import (
    HELD_OUT,
    NOISE,
    OTHER,
    FeaturePicture,
    FeatureVisualization,
)
from backend.methods.params import ParameterError
from backend.methods.question import ClampUnits
from backend.methods.registry import method_named
from backend.methods.steps import Partial, Progress, Result
from tests.unit.methods.neurons.draw import planted
from tests.unit.methods.neurons.draw.conftest import asking, result, steps

METHOD = "feature_visualization"
CROSS: dict[str, Any] = {"model": "test-planted", "layer": "seen", "unit": planted.CROSS}
DIGITS: dict[str, Any] = {"model": "digits-cnn", "layer": "stage3", "unit": 5, "iterations": 48}


def hooks(module: nn.Module) -> int:
    """Forward hooks on any module."""
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules())


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """The cosine between two arrays of one shape."""
    return float((first * second).sum() / math.sqrt((first**2).sum() * (second**2).sum()))


def test_the_optimum_of_a_planted_filter_is_found_at_the_cell_it_was_asked_of(engine: Engine) -> None:
    found: FeaturePicture = result(engine, METHOD, **CROSS, objective="centre", transformations=False, control=False)
    top = planted.SIDE // 2 - planted.REACH // 2
    seen = found.picture[top : top + planted.REACH, top : top + planted.REACH, 0] / 127.5 - 1
    assert cosine(seen, planted.FILTER) > 0.95
    assert 0.95 * planted.BOUND < found.plain <= planted.BOUND
    assert found.blank is None


def test_the_filter_is_found_under_transformations_too_and_its_negative_where_the_way_is_down(engine: Engine) -> None:
    up: FeaturePicture = result(engine, METHOD, **CROSS, objective="centre", control=False)
    down: FeaturePicture = result(engine, METHOD, **CROSS, objective="centre", direction="lowest", control=False)
    top = planted.SIDE // 2 - planted.REACH // 2
    place = slice(top, top + planted.REACH)
    for found, sign in ((up, 1), (down, -1)):
        assert cosine(found.picture[place, place, 0] / 127.5 - 1, sign * planted.FILTER) > 0.7
        assert found.held_out.shape == found.peaks.shape == (HELD_OUT,)
        assert sign * found.mean > sign * found.controls[NOISE].mean() + 2 * found.controls[NOISE].std()
        assert np.all(sign * found.peaks >= sign * found.held_out)


def test_what_was_climbed_under_transformations_holds_better_under_new_ones(engine: Engine) -> None:
    moved, still = (
        result(engine, METHOD, **CROSS, objective="centre", transformations=moves, control=False) for moves in (True, False)
    )
    assert still.plain > moved.plain  # the optimum of the bare unit
    assert moved.mean > still.mean


def test_a_filter_that_was_not_planted_is_not_found(engine: Engine) -> None:
    found: FeaturePicture = result(
        engine, METHOD, **{**CROSS, "unit": planted.NOISE}, objective="centre", transformations=False, control=False
    )
    top = planted.SIDE // 2 - planted.REACH // 2
    place = slice(top, top + planted.REACH)
    assert abs(cosine(found.picture[place, place, 0] / 127.5 - 1, planted.FILTER)) < 0.5


@pytest.mark.parametrize(("model", "unit"), [("test-planted", planted.DEAD), ("test-dark", 1)])
def test_a_dead_unit_is_said_to_be_dead_and_no_picture_is_sold_as_its_own(engine: Engine, model: str, unit: int) -> None:
    found: FeaturePicture = result(engine, METHOD, model=model, layer="seen", unit=unit)
    assert found.blank is not None
    assert f"Unit {unit} of seen gives 0 on each of 8 random pictures and 12 photos" in found.blank
    assert found.held_out.size == 0
    assert math.isnan(found.mean)
    assert not found.controls


def test_beside_a_live_unit_the_dead_one_is_no_control(engine: Engine) -> None:
    for seed in range(4):
        found: FeaturePicture = result(engine, METHOD, **CROSS, iterations=16, seed=seed)
        assert found.other_unit == planted.NOISE
    alone: FeaturePicture = result(engine, METHOD, model="test-dark", layer="seen", unit=0, iterations=16)
    assert alone.other_unit is None
    assert set(alone.controls) == {NOISE}


@pytest.mark.parametrize("parametrisation", ["fourier", "maco"])
def test_a_unit_of_a_real_model_is_driven_beyond_both_controls(engine: Engine, parametrisation: str) -> None:
    found: FeaturePicture = result(engine, METHOD, **{**DIGITS, "iterations": 128}, parametrisation=parametrisation)
    assert set(found.controls) == {NOISE, OTHER}
    assert found.held_out.min() > max(found.controls[OTHER].mean(), found.controls[NOISE].mean())
    assert found.picture.dtype == np.uint8
    assert found.picture.shape == (8, 8, 1)
    assert (found.transparency is not None) == (parametrisation == "maco")


def test_a_vision_transformers_neuron_can_be_drawn_at_its_centre_patch(engine: Engine) -> None:
    found: FeaturePicture = result(engine, METHOD, model="digits-vit", layer="mlp.2", unit=5, objective="centre", iterations=96)
    assert found.mean > found.controls[NOISE].mean() + found.controls[NOISE].std()
    assert found.mean > found.controls[OTHER].mean()


@pytest.mark.parametrize("values", [{}, {"parametrisation": "maco", "direction": "lowest"}, {"objective": "centre"}])
def test_logits_and_weights_are_bit_equal_before_and_after_and_no_hook_survives_a_step(
    engine: Engine, values: dict[str, Any]
) -> None:
    held = asking(engine, METHOD, **DIGITS)
    rows = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    before = held.forward(rows).logits.clone()
    weights = {name: tensor.clone() for name, tensor in held.model.module.state_dict().items()}
    for _ in steps(engine, METHOD, **DIGITS, **values):
        assert hooks(held.model.module) == 0
    assert torch.equal(held.forward(rows).logits, before)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in held.model.module.state_dict().items())
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in held.model.module.parameters())


def test_frames_stream_and_a_stop_half_way_keeps_the_last_one_and_leaves_no_hook(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "SNAPSHOT_SECONDS", 0.0)
    running = steps(engine, METHOD, **DIGITS, control=False)
    frames = []
    for step in running:
        assert not isinstance(step, Result)
        if isinstance(step, Partial):
            frames.append(step)
        if len(frames) == 30:
            break
    running.close()  # type: ignore[attr-defined]
    assert [frame.done for frame in frames] == list(range(30))
    assert len({frame.value.frame.tobytes() for frame in frames}) > 25  # the frame moves
    assert [len(frame.value.curve) for frame in frames] == list(range(30))
    assert not np.array_equal(frames[-1].value.picture, frames[-1].value.frame)  # the best is of step 16
    assert hooks(engine.workshop.model(frames_model(engine)).module) == 0


def frames_model(engine: Engine) -> Any:
    """The digits model's reference."""
    return asking(engine, METHOD, **DIGITS).question.model


def test_the_same_seed_draws_the_same_and_another_seed_another(engine: Engine) -> None:
    first, again, other = (result(engine, METHOD, **DIGITS, control=False, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.picture, again.picture)
    assert np.array_equal(first.held_out, again.held_out)
    assert not np.array_equal(first.picture, other.picture)


def test_the_picture_chosen_is_the_one_measured(engine: Engine) -> None:
    found: FeaturePicture = result(engine, METHOD, **DIGITS, control=False)
    held = asking(engine, METHOD, **DIGITS)
    values = held.forward(held.tensor(found.picture)[None], units=("stage3",)).units["stage3"]
    assert float(values[0, :, 5].mean()) == pytest.approx(found.plain, rel=1e-5)
    assert found.best_at in (16, 32, 48)


def test_an_intervention_on_the_unit_is_in_every_pass(engine: Engine) -> None:
    found: FeaturePicture = result(engine, METHOD, **DIGITS, edits=(ClampUnits("stage3", (5,), 2.0),))
    assert found.blank is not None
    assert "gives 2 on each" in found.blank


def test_a_unit_that_only_photos_wake_is_drawn_from_one_and_the_note_says_so(engine: Engine) -> None:
    backend.add_model("test-asleep", planted.Asleep, planted.FRAME, ("a", "b"))
    found: FeaturePicture = result(engine, METHOD, model="test-asleep", layer="seen", iterations=32, control=False)
    assert found.blank is None
    assert "begun from the photo “Digit" in found.note
    assert found.mean > 0
    assert found.controls[NOISE].max() == 0
    maco: FeaturePicture = result(engine, METHOD, model="test-asleep", layer="seen", parametrisation="maco", control=False)
    assert maco.blank is not None  # phases alone cannot darken a picture
    assert "8 random pictures to start from" in maco.blank


@pytest.mark.parametrize("values", [{}, {"control": False}, {"copies": 3, "iterations": 20, "control": False}])
def test_the_forecast_is_what_was_spent(engine: Engine, values: dict[str, Any]) -> None:
    held = asking(engine, METHOD, **{**CROSS, "iterations": 32, **values})
    found = result(engine, METHOD, **{**CROSS, "iterations": 32, **values})
    forecast = method_named(METHOD).cost(held.question.params, held.model.card)
    dead = 20 if values.get("control", True) and found.passes != forecast else 0  # the dead neighbour was tried first
    assert (found.passes.forward, found.passes.backward) == (forecast.forward + dead, forecast.backward + dead)


def test_bad_units_and_layers_are_named_with_their_limits(engine: Engine) -> None:
    with pytest.raises(ParameterError, match="Unit: 48 is outside 0 to 47, the units of stage3"):
        list(steps(engine, METHOD, model="digits-cnn", unit=48))
    with pytest.raises(ParameterError, match="there is no 'stage9'; there are stage1, stage2, stage3"):
        list(steps(engine, METHOD, model="digits-cnn", layer="stage9"))
    with pytest.raises(ParameterError, match="Iterations: 5 is outside 16 to 1024"):
        backend.ask(METHOD, model="digits-cnn", iterations=5)


def test_a_model_without_units_on_a_map_is_told_why(engine: Engine) -> None:
    card = asking(engine, METHOD, model="test-linear").model.card
    assert method_named(METHOD).misfit(card) == (
        "Feature visualisation needs spatial layers and units, which test-linear does not offer."
    )
    fits = asking(engine, METHOD, model="digits-cnn").model.card
    assert method_named(METHOD).misfit(fits) is None


def test_the_first_step_comes_before_the_work_and_a_parameter_is_kept_in_float32(engine: Engine) -> None:
    held = asking(engine, METHOD, **CROSS, dtype="float64", iterations=16)
    first = next(method_named(METHOD).run(held.question, held))
    assert isinstance(first, Progress)

    params = FeatureVisualization(layer="seen")
    ascent, _ = drawing._start(held, drawing._aim(held, params), params, 0, 0)
    assert held.model.dtype == torch.float64
    assert ascent.picture.leaf.dtype == torch.float32
    ascent.step()
    assert ascent.picture.leaf.dtype == torch.float32
