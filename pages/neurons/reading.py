"""A sentence as the page reads it: its tokens, the token explained, the position, and what is asked about them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from backend.data.pieces import piece_texts
from backend.engine import engine
from backend.limits import PROMPT_TOKENS
from backend.methods.neurons.logit_lens import LogitLens
from backend.methods.params import ParameterError
from backend.methods.question import Prompt, Question, Runs, TokenLogit
from backend.methods.registry import method_named
from backend.models.card import LanguageCard
from pages.neurons.answers import answer
from pages.neurons.scene import FIRST_PROMPT, Scene

MAPS = ("token_occlusion", "token_gradient", "token_ig")
CHECK = "token_deletion"


@dataclass(frozen=True)
class Reading:
    """What a sentence's view shows; built by `read`.

    tokens: the prompt's, as texts of their own; empty while the model loads. position: the explained one, from 0.
    likeliest: token ids and probabilities of the model's first answers there, empty while they are not known.
    target: the id explained, None while the model has not answered. problems: what of the link could not be followed.
    refusal: why the prompt is not read at all.
    """

    scene: Scene
    prompt: str
    tokens: tuple[str, ...] = ()
    position: int = -1
    likeliest: tuple[tuple[int, float], ...] = ()
    target: int | None = None
    problems: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def text(self) -> Prompt:
        """The prompt as questions name it."""
        return Prompt(self.prompt)

    @property
    def label(self) -> str:
        """The explained token's text."""
        return self.name(self.target) if self.target is not None else ""

    def name(self, token: int) -> str:
        """A token's own text."""
        return self.names([token])[0]

    def names(self, tokens: list[int]) -> tuple[str, ...]:
        """The own texts of tokens of the vocabulary."""
        tokenizer = engine().workshop.tokenizer(self.scene.question_model)
        return piece_texts(tokenizer, tokens) if tokenizer is not None else ("",) * len(tokens)

    def map_questions(self) -> tuple[Question, ...]:
        """What each map of tokens asks; none while the target is not known."""
        if self.target is None:
            return ()
        target = TokenLogit(self.target, self.position)
        return tuple(self.scene.view.question(name, self.text, target) for name in MAPS)


def check_of(run: Question) -> Question:
    """The question that the check asks about a map."""
    return Question(CHECK, run.model, Runs((run,)), method_named(CHECK).params(), run.target, run.edits, run.seed)


def lens_question(scene: Scene, prompt: str) -> Question:
    """What the lens, and so the bars of the next token, ask."""
    return scene.view.question("logit_lens", Prompt(prompt))


def read(scene: Scene) -> Reading:
    """The sentence of a scene. Nothing is asked of a prompt that cannot be read."""
    reading = Reading(scene, scene.view.prompt or FIRST_PROMPT)
    tokenizer = engine().workshop.tokenizer(scene.question_model)
    if tokenizer is None or not isinstance(scene.card, LanguageCard):
        return reading
    tokens = piece_texts(tokenizer, tokenizer.encode(reading.prompt).ids)
    refusal = refused(reading.prompt, len(tokens), scene.card)
    if refusal:
        return replace(reading, refusal=refusal)
    problems: list[str] = []
    reading = replace(reading, tokens=tokens, position=_position(scene.view.position, len(tokens), problems))
    found = answer(scene, lens_question(scene, reading.prompt))
    if found.problem:
        return replace(reading, refusal=found.problem)
    likeliest = _likeliest(found.value, reading.position)
    target = _target(scene.view.target, scene.card, problems) if likeliest else None
    first = likeliest[0][0] if likeliest else None
    return replace(reading, likeliest=likeliest, target=first if target is None else target, problems=tuple(problems))


def refused(prompt: str, tokens: int, card: LanguageCard) -> str:
    """Why a prompt of so many tokens is not read; empty where it is."""
    limit = min(card.context, PROMPT_TOKENS)
    if not prompt.strip() or not tokens:
        return "The prompt is empty; type at least one word."
    if tokens > limit:
        return f"The prompt has {tokens:,} tokens; the limit is {limit:,}. Shorten it to what leads to the answer."
    return ""


def chosen_token(scene: Scene, text: str) -> int:
    """The token that a reader's text names: as a word after a space where there is such a token, else as it stands.

    Raises ParameterError where the text is no single token of the vocabulary.
    """
    tokenizer = engine().workshop.tokenizer(scene.question_model)
    if tokenizer is None:
        raise ParameterError("The model is still loading.")
    for written in (f" {text}", text, text.strip()):
        ids = tokenizer.encode(written, add_special_tokens=False).ids
        if len(ids) == 1:
            return int(ids[0])
    pieces = piece_texts(tokenizer, tokenizer.encode(f" {text}", add_special_tokens=False).ids)
    shown = " + ".join(f"“{piece.strip()}”" for piece in pieces[:6])
    raise ParameterError(f"“{text[:40]}” is {len(pieces)} tokens for this model, {shown}. Name one of them.")


def _position(asked: int, tokens: int, problems: list[str]) -> int:
    if -1 <= asked < tokens:
        return asked % tokens
    problems.append(f"Position {asked} is outside 0 to {tokens - 1}, the tokens of the prompt; the last is explained instead.")
    return tokens - 1


def _target(asked: int | None, card: LanguageCard, problems: list[str]) -> int | None:
    if asked is None or asked < card.vocabulary:
        return asked
    problems.append(f"Token {asked} is outside 0 to {card.vocabulary - 1}; the model's first answer is explained instead.")
    return None


def _likeliest(lens: LogitLens | None, position: int) -> tuple[tuple[int, float], ...]:
    """The last layer's first tokens at a position: it is read first, and is the model's own answer."""
    if lens is None:
        return ()
    tokens, chances = lens.top_tokens[-1, position], lens.top_probabilities[-1, position]
    return tuple((int(token), float(chance)) for token, chance in zip(tokens, chances, strict=True) if np.isfinite(chance))
