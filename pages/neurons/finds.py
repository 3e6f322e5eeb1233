"""What a search finds: for every unit how well it matches, and what is told of that in the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backend.data import regions
from backend.data.frames import Preprocess
from backend.data.pieces import piece_texts
from backend.engine import engine
from backend.methods.neurons.ranking import alike, at_peak, at_positions, cells_inside, over_region
from backend.methods.neurons.unit import Unit, position_of, read_unit
from backend.methods.neurons.unit_activations import UnitActivations
from backend.methods.params import ParameterError
from backend.methods.question import RegionEdit
from backend.models.card import ModelCard, UnitLayer
from components.token_text import visible
from pages.neurons import answers
from pages.neurons.columns import Columns, spread, weights_question
from pages.neurons.scene import Scene

FIRST_TOKENS = 1  # a text's first token is where attention sinks: its activations are of another kind, and no index counts them


@dataclass(frozen=True)
class Found:
    """scores: float32 (units,), best highest, NaN for units that do not match. order: what the list is sorted by, in words.

    told: columns of the list by title, for every unit in flat order. note: what the search did, and its control.
    problem: why nothing is found; awaited: whether the answer is still on its way. ranks: whether every unit has a score, so
    that the best are listed and none is a match by itself.
    """

    scores: np.ndarray
    order: str
    told: Mapping[str, np.ndarray | Sequence[str]] = field(default_factory=dict)
    note: str = ""
    problem: str = ""
    awaited: bool = False
    ranks: bool = False


def nothing(units: int, problem: str = "", *, awaited: bool = False) -> Found:
    """No unit, and why."""
    return Found(np.full(units, np.nan, np.float32), "", problem=problem, awaited=awaited)


def by_token(scene: Scene, known: Columns) -> Found:
    """Neurons by how much they raise one token's logit, read off the weights."""
    tokenizer = engine().workshop.tokenizer(scene.question_model)
    if tokenizer is None:
        return nothing(known.units, awaited=True)
    pieces, note = token_read(tokenizer, scene.view.find)
    if not pieces:
        return nothing(known.units, note)
    question = scene.view.question("token_writers", weights_question(scene, "token_writers").inputs, token=pieces[0])
    answer = answers.answer(scene, question)
    if answer.value is None:
        return nothing(known.units, answer.problem, awaited=answer.awaited)
    value = answer.value
    flat = np.full(sum(layer.count for layer in value.layers), np.nan, np.float32)
    flat[value.writers] = value.writer_logits
    scores = spread(flat, value.layers, known.layers)
    against = f"One standard deviation over all neurons is {value.deviation:.3f}."
    told = {"Raises it by": scores}
    return Found(scores, "strongest first", told, f"{note} {against}")


def token_read(tokenizer: Any, text: str) -> tuple[list[int], str]:
    """The tokens a text is read as, and how that is told; a word without a space before it is looked for with one first."""
    options = [text] if text.startswith(" ") else [f" {text}", text]
    read = [tokenizer.encode(option, add_special_tokens=False).ids for option in options]
    chosen = next((ids for ids in read if len(ids) == 1), read[-1])
    if not chosen:
        return [], f"{text[:40]!r} holds no token of this model."
    shown = visible(piece_texts(tokenizer, chosen[:1])[0])
    if len(chosen) == 1:
        return chosen, f"Read as the token “{shown}”, number {chosen[0]:,}."
    return chosen, f"That is {len(chosen)} tokens to this model; looked for the first, “{shown}”."


def by_prompt(scene: Scene, known: Columns) -> Found:
    """Units by how far they are from their own mean on the prompt, at any token or at the one that the view's `find` numbers."""
    answer = answers.answer(scene, scene.view.question("unit_activations", scene.sample), keep=False)
    if answer.value is None:
        return nothing(known.units, answer.problem, awaited=answer.awaited)
    tokens = answer.value.tokens
    try:
        positions = token_positions(scene.view.find, len(tokens))
    except ParameterError as error:
        return nothing(known.units, str(error))
    start = min(FIRST_TOKENS, positions[0])  # what is elsewhere does not count the first token either
    values = {name: rows[start:] for name, rows in answer.value.values.items()}
    mean, deviation, note = own_distribution(known, values)
    out = at_positions(values, known.layers, mean, deviation, [position - start for position in positions])
    at = ["" if place < 0 else visible(tokens[place + start]) for place in out.positions]
    told: dict[str, np.ndarray | Sequence[str]] = {"Here": out.values, "At": at}
    told |= {"Elsewhere": out.elsewhere, "Deviations": out.deviations}
    return Found(np.abs(out.deviations), "farthest from their own mean first", told, note, ranks=True)


def token_positions(text: str, tokens: int) -> list[int]:
    """The places of a prompt's tokens that are searched: the one numbered, or all but the first. Raises ParameterError."""
    if not text:
        return list(range(min(FIRST_TOKENS, tokens - 1), tokens))
    if not text.isdecimal() or not int(text[:9]) < tokens:
        raise ParameterError(f"The prompt has no token number {text[:12]!r}; its tokens go from 0 to {tokens - 1}.")
    return [int(text[:9])]


def by_photo(scene: Scene, known: Columns) -> Found:
    """Units of an image model by how far they are from what they usually do: anywhere on the photo, or in its region."""
    answer = answers.answer(scene, scene.view.question("unit_activations", scene.sample), keep=False)
    if answer.value is None:
        return nothing(known.units, answer.problem, awaited=answer.awaited)
    return _whole_photo(scene, known, answer.value) if scene.view.region is None else _region(scene, known, answer.value)


def _whole_photo(scene: Scene, known: Columns, value: UnitActivations) -> Found:
    if scene.index is None:
        return nothing(known.units, awaited=True)
    sampled = scene.index.all_sampled_values.astype(np.float32)
    out = at_peak(value.values, known.layers, sampled)
    share = 100 * (sampled >= out.values[:, None]).mean(axis=1).astype(np.float32)
    told = {"Here": out.values, "Elsewhere": out.elsewhere, "As high on": share, "Deviations": out.deviations}
    note = (
        f"The largest value on the photo, against the largest on {sampled.shape[1]} pictures drawn at random from the corpus, "
        "in their standard deviations."
    )
    return Found(out.deviations, "farthest above their usual peak first", told, note, ranks=True)


def _region(scene: Scene, known: Columns, value: UnitActivations) -> Found:
    assert isinstance(scene.card, ModelCard)
    assert scene.view.region is not None
    try:
        inside = region_cells(scene.view.region, scene.card.preprocess, value)
    except (regions.RegionError, ValueError) as error:
        return nothing(known.units, str(error))
    if "mean" not in known.statistics:
        return nothing(known.units, awaited=True)
    mean, deviation = known.statistics["mean"].values, known.statistics["deviation"].values
    out = over_region(value.values, known.layers, mean, deviation, inside)
    told = {"Here": out.values, "Elsewhere": out.elsewhere, "Deviations": out.deviations}
    note = "The mean over the region, against the unit's own mean over the corpus, in its standard deviations."
    return Found(out.deviations, "farthest above their own mean first", told, note, ranks=True)


def region_cells(region: RegionEdit, frame: Preprocess, value: UnitActivations) -> dict[str, np.ndarray]:
    """Which positions of each layer the region covers, bool (positions,). Raises RegionError for one outside of the frame."""
    covered = regions.mask(region.shapes, frame.height, frame.width)
    return {name: cells_inside(covered, *grid, len(value.values[name])) for name, grid in value.grids.items()}


def by_likeness(scene: Scene, known: Columns) -> Found:
    """Units whose largest values over the index' sampled items go together with one unit's."""
    try:
        unit = read_unit(scene.view.find.strip(), known.layers)
    except ParameterError as error:
        return nothing(known.units, f"{error} Write a unit as in its link, such as {example(known.layers)}.")
    if scene.index is None:
        return nothing(known.units, "Likeness is measured over the corpus, and nothing of it is read yet.")
    place = position_of(unit, known.layers)
    try:
        found = alike(scene.index.all_sampled_values.astype(np.float32), place)
    except ValueError as error:
        return nothing(known.units, f"{unit.text}: {error}.")
    scores = found.correlation.copy()
    scores[place] = np.nan
    note = (
        f"Correlation of the units' largest values over {len(scene.index.sampled_items)} samples drawn at random; "
        f"shuffled, the best of all units reaches {found.chance:.2f}."
    )
    return Found(scores, "most alike first", {"Correlation": scores}, note, ranks=True)


def own_distribution(known: Columns, values: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, str]:
    """Mean and standard deviation of every unit over the corpus; before there is an index, zero and its layer's strength."""
    if "mean" in known.statistics:
        mean, deviation = known.statistics["mean"].values, known.statistics["deviation"].values
        return mean, deviation, "In standard deviations of the unit's own activation over the corpus."
    spreads = [np.full(layer.count, _root_mean_square(values.get(layer.name)), np.float32) for layer in known.layers]
    note = "No corpus is read yet: in units of the layer's root mean square on this sample, which favours units that always fire."
    return np.zeros(known.units, np.float32), np.concatenate(spreads), note


def _root_mean_square(values: np.ndarray | None) -> float:
    return float("nan") if values is None else float(np.sqrt(np.mean(values.astype(np.float32) ** 2)))


def example(layers: Sequence[UnitLayer]) -> str:
    """A unit of the model as links write it, for hints."""
    return Unit(layers[len(layers) // 2].name, 0).text if layers else "mlp.3:0"
