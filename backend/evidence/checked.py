"""The map a check is about: the answer to the question it names, or the reason why there is nothing to check."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np

from backend.methods.params import ParameterError
from backend.methods.question import Question, Runs
from backend.methods.saliency.result import Saliency
from backend.methods.steps import Progress

if TYPE_CHECKING:
    from backend.engine.asking import Asking


def run_of(question: Question) -> Question:
    """The question whose answer is checked. Raises ParameterError unless it is one, of the same model and target."""
    if not isinstance(question.inputs, Runs) or len(question.inputs.questions) != 1:
        raise ParameterError("A check is about one run.")
    run = question.inputs.questions[0]
    if (run.model, run.edits, run.target) != (question.model, question.edits, question.target):
        raise ParameterError("The check and the run it checks name different models, edits of the model, or targets.")
    return run


def checked_map(question: Question, asking: Asking) -> Generator[Progress, None, Saliency]:
    """The checked run's map, worked out where it is not known yet. Raises ParameterError where the run has no map."""
    run = run_of(question)
    value = yield from asking.answer(run)
    if not isinstance(value, Saliency):
        raise ParameterError(f"{run.method} gives no map, so this check has nothing to check.")
    return value


def must_rank(saliency: Saliency) -> None:
    """Raise ParameterError where the map is the same everywhere or not finite: such a map ranks no pixels."""
    cells = saliency.cells
    if saliency.blank or not np.isfinite(cells).all() or np.ptp(cells) == 0:
        raise ParameterError("The map is blank, so it puts the pixels in no order. " + (saliency.blank or ""))
