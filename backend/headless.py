"""The notebook's way in: the same questions and the same engine as the pages."""

from __future__ import annotations

from collections.abc import Iterator
from operator import index
from pathlib import Path
from typing import Any
from weakref import finalize

from backend.data import images, samples
from backend.engine import engine
from backend.methods import registry
from backend.methods.params import ParameterError, specs
from backend.methods.params import check as check_params
from backend.methods.prediction import Prediction
from backend.methods.question import (
    ClassLogit,
    Contrast,
    Corpus,
    Dtype,
    Image,
    Inputs,
    Intervention,
    ModelRef,
    Prompt,
    Question,
    Runs,
    Target,
    TokenLogit,
    Weights,
)
from backend.methods.registry import Method, Page, method_named
from backend.models.card import VOCABULARY
from backend.models.catalog import entries, language_entries, reads_text

_questions: dict[int, Question] = {}  # by the id of a living result


class RunError(RuntimeError):
    """A run that failed; the message says why and, where there is one, the way out."""


def methods(page: Page | None = None) -> tuple[Method, ...]:
    """The registered methods, of one page or of all."""
    return registry.methods(page)


def ask(
    method: str,
    *,
    sample: str | Path | bytes | Inputs | None = None,
    model: str | ModelRef = "",
    target: int | Target | None = None,
    dtype: Dtype = "float32",
    seed: int = 0,
    edits: tuple[Intervention, ...] = (),
    **params: Any,
) -> Question:
    """A question from plain values.

    sample: of an image model a sample's name, a file or its bytes; of a language model the prompt's text; an Image, Prompt or
        Corpus of either; None for a method that reads weights alone.
    model: its name; where it is empty, the default that the method is asked of.
    target: an int is a class, or a token after the prompt's last; without one the model's first answer is explained.
    edits: interventions under which the question is asked. Raises ParameterError, ImageError or ModelError.
    """
    chosen = method_named(method)
    ref = model if isinstance(model, ModelRef) else ModelRef(model or _default_model(chosen), dtype=dtype)
    inputs = _inputs(sample, ref)
    made = _params(chosen, params)
    if chosen.targets and target is None:
        target = int(prediction(sample=inputs, model=ref).top(1)[0])
    if target is not None and not isinstance(target, ClassLogit | Contrast | TokenLogit):
        kind = ClassLogit if isinstance(inputs, Image) else TokenLogit
        target = kind(index(target))  # NumPy's integers too
    return Question(method, ref, inputs, made, target, edits=edits, seed=seed)


def run(method: str | Question, **values: Any) -> Any:
    """The finished result of a method; values as in `ask`. Raises RunError where the run fails."""
    value = None
    for snapshot in stream(method, **values):
        value = snapshot
    return value


def stream(method: str | Question, **values: Any) -> Iterator[Any]:
    """Each whole partial result as it forms, the finished one last. Leaving the loop stops the run."""
    question = method if isinstance(method, Question) else ask(method, **values)
    running = engine()
    subscription = running.ask(question, leased=False, keep=False)
    version = -1
    try:
        while True:
            snapshot = running.wait(subscription, version)
            if snapshot.state == "failed":
                raise RunError(f"{snapshot.reason} {snapshot.hint}".strip())
            if snapshot.value is not None and snapshot.version > version:
                yield _remember(snapshot.value, question)
            if snapshot.final:
                return
            version = snapshot.version
    finally:
        running.leave(subscription)


def check(name: str, result: Any, *, seed: int = 0, **params: Any) -> Any:
    """The finding of a check about a result of `run`. Raises LookupError for a result this process did not compute."""
    chosen = method_named(name)
    question = _question_of(result)
    asked = Question(name, question.model, Runs((question,)), _params(chosen, params), question.target, question.edits, seed)
    return run(asked)


def prediction(*, sample: str | Path | bytes | Inputs, model: str | ModelRef = "") -> Prediction:
    """What a model says of a sample: of the classes, or of the token after a prompt."""
    return run(ask("prediction", sample=sample, model=model))


def _default_model(chosen: Method) -> str:
    for_text = chosen.inputs is Prompt or VOCABULARY in chosen.needs
    # Looked up late: the operator's file, which imports this package, must not run while it is being imported.
    return language_entries()[0].name if for_text else entries()[0].name


def _inputs(sample: str | Path | bytes | Inputs | None, ref: ModelRef) -> Inputs:
    if sample is None:
        return Weights()
    if isinstance(sample, Image | Prompt | Corpus | Weights | Runs):
        return sample
    if reads_text(ref.name):
        return Prompt(str(sample))
    return Image(_content(sample))


def _params(chosen: Method, values: dict[str, Any]) -> Any:
    try:
        made = chosen.params(**values)
    except TypeError as error:
        known = [spec.name for spec in specs(chosen.params)]
        strange = ", ".join(name for name in values if name not in known)
        raise ParameterError(f"{chosen.name} takes the parameters {', '.join(known) or 'none'}, not {strange}") from error
    check_params(made)
    return made


def _content(sample: str | Path | bytes) -> str:
    if isinstance(sample, bytes):
        return images.add("sample", sample)
    if sample in {item.name for kind in ("photo", "digit") for item in samples.samples(kind)}:
        return samples.sample_image(str(sample))
    path = Path(sample)
    if not path.is_file():
        there = ", ".join(item.name for item in samples.samples("photo"))
        raise images.ImageError(f"{str(sample)[:80]!r} is no file, and no sample; there are {there}, and digits.")
    return images.add(path.name, path.read_bytes())


def _remember(value: Any, question: Question) -> Any:
    name = id(value)
    if name not in _questions:
        _questions[name] = question
        finalize(value, _questions.pop, name, None)
    return value


def _question_of(result: Any) -> Question:
    if id(result) not in _questions:
        raise LookupError("this result was not computed by backend.run or backend.stream in this process")
    return _questions[id(result)]
