"""The sentence above the bars: each number with its control, and no claim that the control does not bear."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backend.methods.neurons.neuron_ablation import Ablation, UnitSet
from backend.methods.question import ModelRef
from backend.methods.steps import PassCount
from backend.models.catalog import entry
from pages.neurons.change_words import effect_words
from pages.neurons.scene import Scene
from pages.neurons.view import View

STRENGTHS = np.array([0.0, 1.0, 2.0], np.float32)


def scene() -> Scene:
    """The scene of a digits model, of which the words read the labels alone."""
    view = View(model="digits-cnn")
    return Scene(view, None, entry("digits-cnn"), ModelRef("digits-cnn"), None, None, None, None, ())


def ablation(kl: float, controls: tuple[float, ...], tips: bool = False, loss: float = np.nan) -> Ablation:
    """A run whose unit, switched off, has this effect; class 3 is the first answer, and 5 after a tip."""
    probabilities = np.array([[0.2, 0.6] if tips else [0.7, 0.1], [0.9, 0.05], [0.95, 0.02]], np.float32)
    sets = tuple(UnitSet("stage1", (unit,)) for unit in range(len(controls)))
    effect = np.array([kl, 0.0, 0.1], np.float32)
    alike = np.zeros((3, len(controls)), np.float32)
    alike[0] = controls
    return Ablation(
        UnitSet("stage1", (7,)), "scale", 0.0, STRENGTHS, np.array([3, 5], np.int32), probabilities, np.log(probabilities),
        np.array([0.9, 0.05], np.float32), np.zeros(2, np.float32), np.array([5 if tips else 3, 3, 3], np.int32), 3, effect,
        np.array([loss, 2.0, 2.1], np.float32), 2.0, sets, alike, alike + 2.0, np.zeros(4, np.float32), PassCount(1), 0.1,
    )  # fmt: skip


def test_an_effect_beyond_the_controls_is_called_so_and_one_within_is_not() -> None:
    assert "KL **0.24** nats; 2 random units of this layer: 0.001 to 0.020, so more than any" in words(
        ablation(0.24, (0.001, 0.02))
    )
    assert "KL **0.010** nats; 2 random units of this layer: 0.001 to 0.020, so no more than theirs" in words(
        ablation(0.01, (0.001, 0.02))
    )
    assert "so less than any of them" in words(ablation(0.0, (0.001, 0.02)))
    assert "2 random units of this layer: below 0.001 each, so more than any" in words(ablation(0.3, (0.0001, 0.0002)))


def words(value: Ablation, place: int = 0, clamped: bool = False) -> str:
    """The sentence."""
    return effect_words(scene(), value, place, clamped)


def test_a_tipped_answer_names_both_answers() -> None:
    assert words(ablation(0.5, (0.1,), tips=True)).startswith(
        "Switched off, the answer tips to **5**, 0.60: 3 falls from 0.90 to 0.20."
    )
    assert words(ablation(0.5, (0.1,))).startswith("Switched off, the answer stays **3**: 0.90 becomes 0.70.")
    assert words(ablation(0.5, (0.1,)), 2).startswith("Multiplied by 2, the answer stays **3**: 0.90 becomes 0.95.")
    assert words(ablation(0.5, (0.1,)), 1, clamped=True).startswith("Set to 1, the answer stays")
    assert words(ablation(0.5, (0.1,)), 1).startswith("At a factor of 1 nothing is changed.")


def test_without_controls_nothing_is_claimed() -> None:
    told = words(ablation(0.5, ()))
    assert "than" not in told
    assert told.endswith("KL **0.50** nats.")
    waiting = ablation(0.5, (0.1,))
    waiting = replace(waiting, control_kl=np.full((3, 1), np.nan, np.float32))
    assert "random units are still being measured" in words(waiting)


def test_the_loss_of_a_prompt_stands_beside_that_of_random_units() -> None:
    assert "Loss on the prompt's own tokens +0.290 nats (random units +0.001 to +0.020)." in words(
        ablation(0.5, (0.001, 0.02), loss=2.29)
    )
    assert "Loss on the prompt's own tokens −0.100 nats" in words(ablation(0.5, (0.1,), loss=1.9))
    assert "Loss" not in words(ablation(0.5, (0.1,)))


def test_what_is_not_measured_yet_is_said() -> None:
    assert words(ablation(np.nan, (0.1,))) == "This strength is not measured yet."


@pytest.mark.parametrize("kl", [0.0, 0.0004, 0.0006, 0.12, 3.4])
def test_numbers_keep_digits_that_mean_something(kl: float) -> None:
    shown = words(ablation(kl, (9.0,))).split("KL **")[1].split("**")[0]
    assert abs(float(shown) - kl) <= 0.005
