"""Occlusion of tokens: take each token away, alone or with its neighbours, and see what the target loses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from backend.limits import PROMPT_TOKENS
from backend.methods.neurons.sentence.token_map import TokenMap, padded, token_map_method, why_blank
from backend.methods.params import ParameterError, Range
from backend.methods.question import Question
from backend.methods.registry import Teaching
from backend.methods.steps import Partial, PassCount, Result, Step
from backend.models.card import FORWARD

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

Replacement = Literal["remove", "pad", "mean"]
ZERO = "Taking tokens away does not change the target at all. A larger window may."
NOT_FINITE = "The model's answer is not a finite number here, so there is nothing to draw."


@dataclass(frozen=True)
class TokenOcclusion:
    """How many tokens go at a time, and what comes in their place."""

    window: Annotated[int, Range(1, 16), "Neighbouring tokens taken away together; each token gets its windows' mean."] = 1
    replacement: Annotated[
        Replacement, "Remove closes the gap; pad puts the padding (or end) token there, mean the vocabulary's mean embedding."
    ] = "remove"


@token_map_method(
    "token_occlusion",
    title="Occlusion of tokens",
    params=TokenOcclusion,
    needs=frozenset({FORWARD}),
    teaching=Teaching(
        "Asks how much log probability the target loses when a token is taken from the prompt.",
        "It cannot tell what matters only together with something elsewhere, and a text with a gap is a text few people write.",
        "Zeiler and Fergus 2014, and Li, Monroe and Jurafsky 2016, Understanding Neural Networks through Representation Erasure.",
    ),
    cost=lambda params, card: PassCount(1 + PROMPT_TOKENS),
)
def token_occlusion(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield the loss of log probability, (tokens,), positive where the token speaks for the target; 0 where none is known yet.

    Raises ParameterError where the window would leave nothing of the prompt.
    """
    from backend.methods.neurons.sentence.explained import explained
    from backend.methods.neurons.sentence.windows import losses, windows

    before = time.perf_counter()
    params: TokenOcclusion = question.params
    prompt = explained(asking)
    count = prompt.position + 1
    if params.window >= count:
        raise ParameterError(
            f"Window: {params.window} leaves nothing of {count} tokens up to the explained position; the limit is {count - 1}."
        )
    where = windows(count, params.window)  # (windows, 2)
    for score, found in losses(asking, prompt, where, params.replacement):
        mean = covered_mean(where[: len(found)], found, count)
        shown = TokenMap(
            tokens=prompt.texts,
            attribution=padded(mean, len(prompt.texts)),
            target=prompt.target,
            position=prompt.position,
            score=score,
            unit="log probability",
            passes=asking.spent,
            seconds=time.perf_counter() - before,
            facts={"windows": float(len(found))},
            note=f"{len(found)} windows" if len(found) == len(where) else f"{len(found)} of {len(where)} windows",
            blank=why_blank(mean, score, ZERO, NOT_FINITE),
        )
        if len(found) < len(where):
            yield Partial(shown, len(found), len(where))
    yield Result(shown)


def covered_mean(windows: np.ndarray, losses: np.ndarray, tokens: int) -> np.ndarray:
    """The mean loss of the windows (n, 2) that cover each token, float64 (tokens,); 0 where none does."""
    total, count = np.zeros(tokens), np.zeros(tokens)
    for (start, stop), loss in zip(windows, losses, strict=True):
        total[start:stop] += loss
        count[start:stop] += 1
    return total / np.maximum(count, 1)
