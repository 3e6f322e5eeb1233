"""Where each attention head looks in a prompt, what its weights amount to, and which heads follow known patterns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from backend.methods.params import Range
from backend.methods.question import Prompt, Question, Weights
from backend.methods.registry import Teaching, method
from backend.methods.steps import Partial, PassCount, Result, Step
from backend.models.card import FORWARD, VOCABULARY

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking

SUMMARIES = ("entropy", "first", "previous", "itself")
WEIGHT_BYTES = 16 * 1024**2  # of one result: all heads of the default model over 172 tokens


@dataclass(frozen=True)
class AttentionParams:
    """Whose weights are kept; every head is summed up in any case."""

    layer: Annotated[str, "The layer whose weights are kept, such as attention.12; empty for all of them."] = ""


@dataclass(frozen=True)
class AttentionView:
    """The heads over one prompt. A weight says how much the reading token takes of the token read; rows sum to 1.

    tokens: the prompt's, as texts of their own. layers: all layers of heads, in order.
    weights: by kept layer, float16 (heads, tokens, tokens), the reading token first.
    norms: by kept layer, float32 (heads, tokens), the length of what a head would write of each token at weight 1.
    summaries: by name, float32 (layers, heads), means over the reading tokens but the first: "entropy" of the weights as a
        share of the largest possible, the weight on the "first" token, on the "previous" one and on the token "itself".
    """

    tokens: tuple[str, ...]
    layers: tuple[str, ...]
    weights: dict[str, np.ndarray]
    norms: dict[str, np.ndarray]
    summaries: dict[str, np.ndarray]
    passes: PassCount
    seconds: float


@method(
    "attention_view",
    title="Attention",
    page="neurons",
    params=AttentionParams,
    inputs=Prompt,
    needs=frozenset({FORWARD, VOCABULARY}),
    returns=AttentionView,
    teaching=Teaching(
        "Keeps the weights with which every head mixes the tokens it may read, and how large what it mixes is.",
        "It cannot tell what a head does with what it reads: a token of great weight may add nearly nothing, which the weights "
        "times the length of what is read show.",
        "Vaswani et al. 2017; Jain and Wallace 2019 on what weights do not explain; Kobayashi et al. 2020 on their norms.",
    ),
    cost=lambda params, card: PassCount(1),
)
def attention_view(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield the heads. Raises ParameterError for a layer there is not, and where the weights asked for are too many to keep."""
    from backend.methods.neurons.sentence.heads import heads_of

    before = time.perf_counter()
    yield Result(AttentionView(**heads_of(asking, question.params.layer), seconds=time.perf_counter() - before))


@dataclass(frozen=True)
class HeadPatternsParams:
    """The random texts on which heads are measured."""

    length: Annotated[int, Range(8, 64), "Random tokens, which the text then repeats."] = 24
    texts: Annotated[int, Range(2, 32), "Texts drawn; scores are means over them."] = 8


@dataclass(frozen=True)
class HeadPatterns:
    """Scores of every head on repeated random tokens, float32 (layers, heads), mean weights.

    induction: from a token's second occurrence to the token that followed its first. previous: to the token before.
    duplicate: to the token's own first occurrence. first: to the first token of the text.
    control: of induction, at the same distance in texts of which nothing repeats. texts: how many were read.
    """

    layers: tuple[str, ...]
    induction: np.ndarray
    previous: np.ndarray
    duplicate: np.ndarray
    first: np.ndarray
    control: np.ndarray
    texts: int
    passes: PassCount
    seconds: float


@method(
    "head_patterns",
    title="Known patterns of heads",
    page="neurons",
    params=HeadPatternsParams,
    inputs=Weights,
    needs=frozenset({FORWARD, VOCABULARY}),
    returns=HeadPatterns,
    teaching=Teaching(
        "Reads random tokens twice over and measures which heads look at what followed a token the last time, at the token "
        "before, or at the token itself.",
        "It cannot tell whether a head does so in plain text, nor whether the model's answer depends on it.",
        "Olsson et al. 2022, In-context Learning and Induction Heads; texts without repetition are the control.",
    ),
    cost=lambda params, card: PassCount(2 * params.texts),
)
def head_patterns(question: Question, asking: TokenAsking) -> Iterator[Step]:
    """Yield the means over the texts read so far."""
    from backend.methods.neurons.sentence.heads import pattern_scores

    before = time.perf_counter()
    params: HeadPatternsParams = question.params
    for done, scores in pattern_scores(asking, params.length, params.texts, question.seed):
        found = HeadPatterns(**scores, texts=done, passes=asking.spent, seconds=time.perf_counter() - before)
        if done < params.texts:
            yield Partial(found, done, params.texts)
    yield Result(found)
