"""Ways to ask small language models, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backend.engine.asking import TokenAsking
from backend.methods.question import Inputs, ModelRef, Prompt, Question, TokenLogit, Weights
from backend.methods.registry import method_named
from backend.methods.steps import Result, Step
from backend.models.loaded import LanguageModel
from backend.models.loading import load_any
from tests.unit.methods.neurons.sentence.models import TARGET, Bench

Steps = Callable[..., list[Step]]
Run = Callable[..., Any]
FIRST = TokenLogit(TARGET)


def question(name: str, text: str | None, target: TokenLogit | None, seed: int = 0, **params: Any) -> Question:
    """A question about a text, or about the weights where there is none."""
    inputs: Inputs = Weights() if text is None else Prompt(text)
    chosen = method_named(name)
    return Question(name, ModelRef("test"), inputs, chosen.params(**params), target if chosen.targets else None, seed=seed)


@pytest.fixture
def steps() -> Steps:
    """All steps of a method asked of a model."""

    def ask(name: str, model: LanguageModel, text: str | None, target: TokenLogit | None = FIRST, **params: Any) -> list[Step]:
        asked = question(name, text, target, **params)
        return list(method_named(name).run(asked, TokenAsking(asked, Bench(model))))

    return ask


@pytest.fixture
def run(steps: Steps) -> Run:
    """The result of a method asked of a model."""

    def ask(*given: Any, **more: Any) -> Any:
        last = steps(*given, **more)[-1]
        assert isinstance(last, Result)
        return last.value

    return ask


@pytest.fixture(scope="session")
def smollm2() -> LanguageModel:
    """The default language model."""
    loaded = load_any(ModelRef("smollm2-135m-instruct"))
    assert isinstance(loaded, LanguageModel)
    return loaded
