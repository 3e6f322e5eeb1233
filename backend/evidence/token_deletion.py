"""Insertion and deletion of tokens: do a map's first tokens bring the target's answer, and take it away with them?"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.evidence.checked import run_of
from backend.evidence.curves import PROTOCOLS, area, verdict
from backend.evidence.finding import Finding, Measure
from backend.evidence.insertion_deletion import BETTER
from backend.evidence.token_orders import LATEST, RANDOM, orders_of, token_counts
from backend.methods.neurons.sentence.token_map import TokenMap
from backend.methods.params import ParameterError, Range
from backend.methods.question import Question, Runs, TokenLogit
from backend.methods.registry import Teaching, method
from backend.methods.steps import Partial, PassCount, Progress, Result, Step
from backend.models.card import FORWARD

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

UNIT = "log probability"


@dataclass(frozen=True)
class TokenDeletion:
    """How finely the orders are walked, and how many random ones a map must beat."""

    steps: Annotated[int, Range(2, 40), "Equal steps from no token to all; never more than there are tokens."] = 10
    orders: Annotated[int, Range(4, 64), "Random orders of the tokens that a map must beat, every one."] = 16


def passes_needed(params: TokenDeletion) -> PassCount:
    """Rows forward at most: the prompt, the empty text, and two rows a step for each order."""
    return PassCount(2 + 2 * (params.steps - 1) * (params.orders + 2))


@method(
    "token_deletion",
    title="Insertion and deletion of tokens",
    page="shared",
    params=TokenDeletion,
    inputs=Runs,
    targets=(TokenLogit,),
    needs=frozenset({FORWARD}),
    returns=Finding,
    teaching=Teaching(
        "Keeps the map's highest tokens alone, then takes them away first, and follows the target's log probability.",
        "It cannot tell whether the map is right, only whether its order beats random ones; texts with gaps are unlike those the "
        "model was made for, and a short prompt has few orders to tell apart.",
        "DeYoung et al. 2020, ERASER (sufficiency and comprehensiveness), as curves with random orders as controls.",
    ),
    cost=lambda params, card: passes_needed(params),
    is_check=True,
)
def token_deletion(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield the curves of the map's order and of the controls as far as they are walked; points not reached yet are NaN.

    A measure has its controls, and so a verdict, once all orders are walked. Raises ParameterError where the map is blank or
    the prompt has fewer than 3 tokens up to the explained position.
    """
    from backend.evidence.sweeps.token_curves import log_probabilities_along
    from backend.methods.neurons.sentence.explained import explained

    params: TokenDeletion = question.params
    shown = yield from _checked(question, asking)
    before = time.perf_counter()
    prompt = explained(asking)
    orders = orders_of(shown.attribution[: prompt.position + 1], params.orders, question.seed)
    counts = token_counts(params.steps, prompt.position + 1)
    protocol = _protocol(params, question.seed, counts)
    for done, total, curves in log_probabilities_along(asking, prompt, orders, counts):
        finding = _finding(curves, counts, protocol, asking.spent, time.perf_counter() - before)
        if done < total:
            yield Partial(finding, done, total)
    yield Result(finding)


def _checked(question: Question, asking: TokenAsking) -> Generator[Progress, None, TokenMap]:
    run = run_of(question)
    value = yield from asking.answer(run)
    if not isinstance(value, TokenMap):
        raise ParameterError(f"{run.method} gives no map of tokens, so this check has nothing to check.")
    values = value.attribution[: value.position + 1]
    if value.blank or not np.isfinite(values).all():
        raise ParameterError("The map is blank, so it puts the tokens in no order. " + (value.blank or ""))
    if len(values) < 3:
        raise ParameterError(
            f"The prompt has {len(values)} tokens up to the explained position; 3 are needed for orders to differ."
        )
    return value


def _finding(curves: dict[str, np.ndarray], counts: np.ndarray, protocol: str, passes: PassCount, seconds: float) -> Finding:
    """What is known of the orders so far. curves: by protocol, float64 (own, latest first, random ones …; steps + 1)."""
    share = counts / counts[-1]
    drawn: dict[str, np.ndarray] = {"share": share.astype(np.float32)}
    for name in PROTOCOLS:
        own, latest, *random = curves[name].astype(np.float32)
        drawn |= {name: own, f"{name}/{LATEST}": latest, f"{name}/{RANDOM}": np.stack(random)}
    return Finding(
        name="token_deletion",
        measures=tuple(_measure(name, curves[name], share) for name in PROTOCOLS),
        protocol=protocol,
        passes=passes,
        seconds=seconds,
        curves=drawn,
    )


def _measure(name: str, curves: np.ndarray, share: np.ndarray) -> Measure:
    """The mean of the map's own curve beside those of the controls; without controls until every curve is whole."""
    better = BETTER[name]
    if np.isnan(curves).any():
        return Measure(name, float("nan"), {}, better, UNIT, "within the control")
    own, latest, *random = (area(curve, share) for curve in curves)
    return Measure(name, own, {RANDOM: tuple(random), LATEST: (latest,)}, better, UNIT, verdict(own, tuple(random), better))


def _protocol(params: TokenDeletion, seed: int, counts: np.ndarray) -> str:
    return (
        f"The {counts[-1]} tokens up to the explained position, ranked by signed value, highest first; ties fall at random. "
        f"{len(counts) - 1} steps. Insertion keeps the first tokens alone, in their places in the text; deletion takes them out "
        f"and closes the gaps. Where nothing is left, the padding (or end) token stands alone. Score: natural logarithm of the "
        f"target's probability after the last token kept; value: its mean over the share of tokens, by trapezoids. Controls: "
        f"{params.orders} random orders, none of them the map's own, and the latest token first, which knows nothing of the "
        f"model. A map beats the control where it is better than every random order, and fails where it is worse than every "
        f"one. Seed {seed}."
    )
