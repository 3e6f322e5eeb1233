"""The words of a report: what was asked, of what, at what cost, and how a finding stands to its controls. Plain text."""

from __future__ import annotations

from html import escape

import numpy as np

from backend.data import images, regions
from backend.data.frames import frame
from backend.evidence.finding import Measure
from backend.methods.params import to_text
from backend.methods.question import (
    ClampUnits,
    ClassLogit,
    Contrast,
    Image,
    Intervention,
    Question,
    RandomiseWeights,
    RegionEdit,
    ScaleUnits,
    Target,
)
from backend.methods.registry import Method, method_named
from backend.methods.saliency.result import Saliency
from backend.methods.steps import PassCount
from backend.models.catalog import CatalogEntry, ModelError
from backend.models.catalog import entry as model_named


def heading(question: Question) -> str:
    """The question as a heading, HTML: "Why <em>Egyptian cat</em>?"."""
    match question.target:
        case ClassLogit(index):
            return f"Why <em>{escape(label(question, index))}</em>?"
        case Contrast(index, against):
            return f"Why <em>{escape(label(question, index))}</em> and not <em>{escape(label(question, against))}</em>?"
        case _:
            return escape(title(question.method))


def label(question: Question, index: int) -> str:
    """The name of a class, or its number where the model is not on offer any more."""
    model = _model(question)
    return model.labels[index] if model and 0 <= index < len(model.labels) else f"class {index}"


def title(method: str) -> str:
    """The method's title, or its name where it is not there any more."""
    found = _method(method)
    return found.title if found else spaced(method)


def teaching(method: str) -> str:
    """What the method asks, what it cannot tell, and its paper."""
    found = _method(method)
    return found.teaching.text if found else ""


def spaced(name: str) -> str:
    """A name as words, first letter capital."""
    return name.replace("_", " ").capitalize()


def sample_facts(question: Question) -> list[tuple[str, str]]:
    """What was asked about, as names and texts."""
    model = question.model
    facts = [("Model", f"{model.name} {model.revision[:12]}".strip() + f", {model.dtype}"), ("Target", _target(question.target))]
    if isinstance(question.inputs, Image):
        facts.append(("Photo", question.inputs.content))
        facts.extend(("Edit", _edit(edit)) for edit in question.inputs.edits)
    facts.extend(_intervention(edit) for edit in question.edits)
    return facts


def _intervention(edit: Intervention) -> tuple[str, str]:
    match edit:
        case RandomiseWeights(stages, of, seed):
            return "Weights", f"drawn anew in the {stages} deepest of {of} parts, seed {seed}"
        case ScaleUnits(layer, units, factor):
            return "Units", f"{len(units)} of {layer} multiplied by {factor:g}"
        case ClampUnits(layer, units, value):
            return "Units", f"{len(units)} of {layer} set to {value:g}"


def map_facts(result: Saliency, unit: str) -> list[tuple[str, str]]:
    """What belongs beside a map, as names and texts."""
    rows = [
        ("Value", unit),
        ("Logit difference" if isinstance(result.target, Contrast) else "Logit", f"{result.logit:.4g}"),
        ("Cost", cost(result.passes, result.seconds)),
    ]
    return rows + [(spaced(name), f"{value:.4g}") for name, value in result.facts.items()]


def cost(passes: PassCount, seconds: float) -> str:
    """Passes and seconds."""
    rows = f"{passes.forward:,} row{'' if passes.forward == 1 else 's'} forward"
    return f"{rows}, {passes.backward:,} backward, {seconds:.{1 if seconds >= 1 else 2}f} s"


def number(value: float, unit: str) -> str:
    """A measured value with its unit."""
    return f"{value:.3g} {unit}".strip()


def controls(measure: Measure) -> str:
    """The controls of a measure: each by name, several draws as their range."""
    texts = []
    for name, values in measure.controls.items():
        if not values:
            continue
        low, high = min(values), max(values)
        texts.append(f"{name} {low:.3g}" if low == high else f"{name} {low:.3g} to {high:.3g} ({len(values)})")
    return f"{'; '.join(texts) or 'none'} · {measure.better} is better"


def settings(question: Question) -> str:
    """What differs from the defaults."""
    changed = ", ".join(f"{name} {text}" for name, text in to_text(question.params).items()) or "defaults"
    return f"Settings: {changed}; seed {question.seed}."


def frame_of(question: Question) -> np.ndarray | None:
    """The edited frame the model saw, uint8 (H, W, C); None where the photo or the model is gone."""
    model = _model(question)
    if model is None or not isinstance(question.inputs, Image):
        return None
    try:
        pixels = frame(images.load(question.inputs.content), model.preprocess)
        return regions.apply(pixels, question.inputs.edits)
    except (images.ImageError, regions.RegionError, OSError):
        return None


def _target(target: Target | None) -> str:
    match target:
        case ClassLogit(index):
            return f"logit of class {index}"
        case Contrast(index, against):
            return f"logit of class {index} minus that of class {against}"
        case _:
            return "none"


def _edit(edit: RegionEdit) -> str:
    count = f"{len(edit.shapes)} shape{'' if len(edit.shapes) == 1 else 's'}"
    return f"everything but {count} replaced by {edit.fill}" if edit.keep else f"{count} replaced by {edit.fill}"


def _model(question: Question) -> CatalogEntry | None:
    try:
        return model_named(question.model.name)
    except ModelError:
        return None


def _method(name: str) -> Method | None:
    try:
        return method_named(name)
    except ValueError:
        return None
