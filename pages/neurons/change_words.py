"""The sentences of a change: what it did to the answer, what random units did, and on what it was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from backend.data.pieces import piece_texts
from backend.engine import engine
from backend.markdown import literal
from backend.methods.neurons.neuron_ablation import Ablation
from backend.methods.question import Prompt
from backend.models.catalog import CatalogEntry
from components.token_text import visible
from pages.neurons.export import NOTES
from pages.neurons.scene import Scene

PROMPT_SHOWN = 60


def names_of(scene: Scene, outputs: Sequence[int] | np.ndarray) -> list[str]:
    """Classes by their labels, tokens by their own texts, spaces visible."""
    if isinstance(scene.entry, CatalogEntry):
        return [scene.entry.labels[int(index)] for index in outputs]
    tokenizer = engine().workshop.tokenizer(scene.question_model)
    if tokenizer is None:
        return [f"token {int(index)}" for index in outputs]
    return [visible(text) for text in piece_texts(tokenizer, [int(index) for index in outputs])]


def effect_words(scene: Scene, value: Ablation, place: int, clamped: bool) -> str:
    """The answer before and after, its divergence beside random units' and, of a prompt, the loss beside theirs."""
    if not math.isfinite(value.kl[place]):
        return "This strength is not measured yet."
    return " ".join(filter(None, (_answer(scene, value, place, clamped), _divergence(value, place), _loss(value, place))))


def _answer(scene: Scene, value: Ablation, place: int, clamped: bool) -> str:
    strength = float(value.strengths[place])
    if not clamped and strength == 1.0:
        return "At a factor of 1 nothing is changed."
    first, now = value.base_first, int(value.firsts[place])
    names = [literal(name, 40) for name in names_of(scene, [first, now])]
    column = int(np.flatnonzero(value.outputs == first)[0])
    before, after = float(value.base_probabilities[column]), float(value.probabilities[place, column])
    done = _done(strength, clamped)
    if now == first:
        return f"{done}, the answer stays **{names[0]}**: {before:.2f} becomes {after:.2f}."
    other = float(value.probabilities[place, int(np.flatnonzero(value.outputs == now)[0])])
    return f"{done}, the answer tips to **{names[1]}**, {other:.2f}: {names[0]} falls from {before:.2f} to {after:.2f}."


def _done(strength: float, clamped: bool) -> str:
    if clamped:
        return f"Set to {_signed(strength)}"
    return "Switched off" if strength == 0 else f"Multiplied by {_signed(strength)}"


def _divergence(value: Ablation, place: int) -> str:
    """KL with the range of the controls, and whether it is beyond them."""
    kl = float(value.kl[place])
    known = value.control_range(place)
    if known is None:
        return f"KL **{_small(kl)}** nats" + ("; random units are still being measured." if value.controls else ".")
    low, high = known
    verdict = "more than any of them" if kl > high else "less than any of them" if kl < low else "no more than theirs"
    count = int(np.isfinite(value.control_kl[place]).sum())
    return f"KL **{_small(kl)}** nats; {count} random units of this layer: {_span(low, high)}, so {verdict}."


def _loss(value: Ablation, place: int) -> str:
    if not math.isfinite(value.loss[place]):
        return ""
    moved = float(value.loss[place]) - value.base_loss
    known = value.loss_range(place)
    beside = f" (random units {known[0]:+.3f} to {known[1]:+.3f})" if known else ""
    return f"Loss on the prompt's own tokens {moved:+.3f} nats{beside}.".replace("-", "−")


def of_sample(scene: Scene) -> str:
    """On which prompt or photo, and of which weights, the numbers are."""
    if not isinstance(scene.sample, Prompt):
        return "Measured on the photo beside it."
    text = scene.sample.text
    end = text if len(text) <= PROMPT_SHOWN else "…" + text[-PROMPT_SHOWN:]
    note = NOTES.get(scene.view.model)
    return f"The next token after “{literal(end, PROMPT_SHOWN + 1)}”" + (f", of {note}." if note else ".")


def _small(value: float) -> str:
    """Two digits that mean something: 0.24, 0.003, under 0.001 as such."""
    if abs(value) < 0.0005:
        return "0.000"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def _span(low: float, high: float) -> str:
    return f"{_small(low)} to {_small(high)}" if high >= 0.0005 else "below 0.001 each"


def _signed(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")
