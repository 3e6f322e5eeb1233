"""Gradient × embedding of each token: one pass forward and back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.methods.neurons.sentence.token_map import TokenMap, padded, token_map_method, why_blank
from backend.methods.question import Question
from backend.methods.registry import Teaching
from backend.methods.steps import PassCount, Result, Step
from backend.models.card import GRADIENTS

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

ZERO = "The gradient is zero at every token: the target does not react to small changes of this prompt."
NOT_FINITE = "The gradient is not a finite number here, so there is nothing to draw."


@dataclass(frozen=True)
class TokenGradient:
    """Nothing to choose."""


@token_map_method(
    "token_gradient",
    title="Gradient × embedding",
    params=TokenGradient,
    needs=frozenset({GRADIENTS}),
    teaching=Teaching(
        "Asks how the target's logit reacts to a small change of each token's embedding, times the embedding itself.",
        "It cannot tell what another word would do: no word lies a small step away, and behind norms the slope at a point says "
        "little of the way there.",
        "Simonyan et al. 2014 and Denil et al. 2014; the L2 norm of the same gradient is Li et al. 2016's salience.",
    ),
    cost=lambda params, card: PassCount(1, 1),
)
def token_gradient(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield the signed product and the gradient's size, (tokens,) each. Raises ParameterError for a position there is not."""
    from backend.methods.neurons.sentence.explained import explained

    before = time.perf_counter()
    prompt = explained(asking)
    embeddings = asking.embeddings(prompt.tokens)  # (1, position + 1, width)
    record = asking.gradient(embeddings, prompt.last)
    product = (record.gradient * embeddings)[0].sum(-1).float().cpu().numpy()  # (position + 1,)
    strength = record.gradient[0].norm(dim=-1).float().cpu().numpy()  # (position + 1,)
    score = float(record.scores[0])
    yield Result(
        TokenMap(
            tokens=prompt.texts,
            attribution=padded(product, len(prompt.texts)),
            target=prompt.target,
            position=prompt.position,
            score=score,
            unit="logit",
            passes=asking.spent,
            seconds=time.perf_counter() - before,
            strength=padded(strength, len(prompt.texts)),
            note="one pass; the shares need not sum to anything",
            blank=why_blank(product, score, ZERO, NOT_FINITE),
        )
    )
