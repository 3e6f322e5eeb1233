"""The lines of Python that ask a question again."""

from __future__ import annotations

from backend.methods.params import specs
from backend.methods.question import ClassLogit, Image, Question, Runs
from backend.methods.registry import method_named


def snippet(question: Question) -> str:
    """Python that reproduces the run from the same photo store, defaults left out; a check follows its run."""
    if isinstance(question.inputs, Runs):
        return _check(question)
    names = {type(question.inputs).__name__} | {type(edit).__name__ for edit in question.edits}
    if isinstance(question.inputs, Image):
        names |= {type(shape).__name__ for edit in question.inputs.edits for shape in edit.shapes}
        names |= {type(edit).__name__ for edit in question.inputs.edits}
    if question.target is not None and not isinstance(question.target, ClassLogit):
        names.add(type(question.target).__name__)
    words = f"from backend.methods.question import {', '.join(sorted(names))}"
    return "\n".join(["import backend", words, "", *_call(question)])


def _call(question: Question) -> list[str]:
    inputs = question.inputs
    sample = f"Image({inputs.content!r})" if isinstance(inputs, Image) and not inputs.edits else repr(inputs)
    arguments = {"model": repr(question.model.name), "sample": sample}
    if question.target is not None:
        arguments["target"] = str(question.target.index) if isinstance(question.target, ClassLogit) else repr(question.target)
    if question.model.dtype != "float32":
        arguments["dtype"] = repr(question.model.dtype)
    if question.edits:
        arguments["edits"] = repr(question.edits)
    if question.seed:
        arguments["seed"] = str(question.seed)
    for spec in specs(type(question.params)):
        if getattr(question.params, spec.name) != spec.default:
            arguments[spec.name] = repr(getattr(question.params, spec.name))
    body = [f"    {name}={value}," for name, value in arguments.items()]
    last = ["result.heatmap  # float32 (H, W), signed"] if method_named(question.method).page == "saliency" else []
    return ["result = backend.run(", f"    {question.method!r},", *body, ")", *last]


def _check(question: Question) -> str:
    assert isinstance(question.inputs, Runs)
    changed = [spec for spec in specs(type(question.params)) if getattr(question.params, spec.name) != spec.default]
    extra = "".join(f", {spec.name}={getattr(question.params, spec.name)!r}" for spec in changed)
    return f"{snippet(question.inputs.questions[0])}\n\nfinding = backend.check({question.method!r}, result{extra})"
