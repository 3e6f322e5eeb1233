"""What the saliency methods share: how they register, and how the views of a sweep become steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from backend.methods.question import ClassLogit, Contrast, Image
from backend.methods.registry import method
from backend.methods.saliency.result import Saliency
from backend.methods.steps import Partial, Result, Step

if TYPE_CHECKING:
    from backend.engine.asking import Asking
    from backend.engine.sweeps import Reading

saliency_method = partial(method, page="saliency", inputs=Image, targets=(ClassLogit, Contrast), returns=Saliency)


def views(asking: Asking, view: Callable[[Reading, Asking], Saliency]) -> Iterator[Step]:
    """The view of each snapshot of the sweep the question's method reads, the last one as the result."""
    for reading in asking.view():
        if reading.sweep.done < reading.sweep.total:
            yield Partial(view(reading, asking), reading.sweep.done, reading.sweep.total)
        else:
            yield Result(view(reading, asking))
