"""What the saliency page shows, as one value that a link can say whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from backend.methods.params import ParameterError, from_text
from backend.methods.question import ClassLogit, Contrast, Image, ModelRef, Question, RegionEdit, Target
from backend.methods.registry import method_named, methods
from pages.saliency.region_text import read_region, write_region

Look = Literal["overlay", "map", "photo"]
GRAINS = (1, 4, 8, 16)
MOST_METHODS = 4
FIRST_METHODS = ("grad_cam", "integrated_gradients", "occlusion", "gradient")
NOT_VIEW = ("model", "run", "study")  # the sidebar's, and what leads to a view
_CONTENT = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9-]{1,40}")


@dataclass(frozen=True)
class View:
    """The page in one value: sample, target, methods with their parameters, and how maps are drawn.

    model, revision: of the weights; not in the link, the sidebar chooses the model and this machine has its revision.
    photo, beside: a sample's name or the SHA-256 of a stored photo; empty for the model's first sample, and for none.
    explain: the class explained, None for the model's first; against: the class it is held against, None for nothing.
    params: a method's parameters as a link writes them, by "method.parameter".
    erase: the region taken away for the second row, None for none.
    """

    model: str = ""
    revision: str = ""
    photo: str = ""
    explain: int | None = None
    against: int | None = None
    methods: tuple[str, ...] = FIRST_METHODS
    params: Mapping[str, str] = field(default_factory=dict)
    look: Look = "overlay"
    grain: int = 8
    opacity: int = 85
    ranks: bool = False
    beside: str = ""
    erase: RegionEdit | None = None

    def target(self, first: int) -> Target:
        """The target, `first` being the model's first class."""
        explained = first if self.explain is None else self.explain
        return ClassLogit(explained) if self.against is None else Contrast(explained, self.against)

    def question(self, name: str, image: Image, target: Target | None) -> Question:
        """One method asked of the view's model about an image. Raises ParameterError for parameters that do not fit."""
        own = {key.split(".", 1)[1]: text for key, text in self.params.items() if key.split(".", 1)[0] == name}
        return Question(name, ModelRef(self.model, self.revision), image, from_text(method_named(name).params, own), target)


def read(link: Mapping[str, str], model: str) -> tuple[View, list[str]]:
    """The view of a model that a link asks for, and what in it could not be followed; each such part keeps its default."""
    view, problems = View(model=model), []
    for key, text in link.items():
        if key in NOT_VIEW:
            continue
        try:
            view = _with(view, key, text)
        except ParameterError as error:
            problems.append(str(error))
    return view, problems


def write(view: View) -> dict[str, str]:
    """The link's parts that differ from the first view, so that short links stay short; the model's is the sidebar's."""
    first, link = View(), dict(view.params)
    for name in ("photo", "look", "beside"):
        if getattr(view, name) != getattr(first, name):
            link[name] = getattr(view, name)
    for name in ("explain", "against", "grain", "opacity"):
        if getattr(view, name) != getattr(first, name):
            link[name] = str(getattr(view, name))
    if view.methods != first.methods:
        link["methods"] = ",".join(view.methods)
    if view.ranks:
        link["ranks"] = "true"
    if view.erase:
        link["erase"] = write_region(view.erase)
    return link


def _with(view: View, key: str, text: str) -> View:
    if key in ("photo", "beside"):
        if not _CONTENT.fullmatch(text) and not _NAME.fullmatch(text):
            raise ParameterError(f"The link's {key}, {text[:40]!r}, is neither a sample's name nor a photo's fingerprint.")
        return _changed(view, key, text)
    if key in ("explain", "against", "grain", "opacity"):
        return _changed(view, key, _number(key, text))
    if key == "look":
        if text not in get_args(Look):
            raise ParameterError(f"The link's look, {text[:40]!r}, is none of {', '.join(get_args(Look))}.")
        return _changed(view, key, text)
    if key == "ranks":
        return replace(view, ranks=text == "true")
    if key == "methods":
        return replace(view, methods=_methods(text))
    if key == "erase":
        return replace(view, erase=read_region(text))
    if "." in key:
        return _with_parameter(view, key, text)
    raise ParameterError(f"The link's part {key[:40]!r} means nothing here.")


def _changed(view: View, name: str, value: Any) -> View:
    return replace(view, **{name: value})


def _number(key: str, text: str) -> int:
    limits = {"grain": (1, 16), "opacity": (10, 100), "explain": (0, 10**6), "against": (0, 10**6)}[key]
    if not re.fullmatch(r"\d{1,7}", text) or not limits[0] <= int(text) <= limits[1]:
        raise ParameterError(f"The link's {key}, {text[:20]!r}, is outside {limits[0]} to {limits[1]}.")
    if key == "grain" and int(text) not in GRAINS:
        raise ParameterError(f"The link's grain, {text}, is none of {', '.join(map(str, GRAINS))}.")
    return int(text)


def _methods(text: str) -> tuple[str, ...]:
    known = {method.name for method in methods("saliency")}
    names = tuple(dict.fromkeys(text.split(","))) if text else ()
    unknown = [name[:40] for name in names if name not in known]
    if unknown:
        raise ParameterError(f"The link's methods name {', '.join(unknown)}; there are {', '.join(sorted(known))}.")
    if len(names) > MOST_METHODS:
        raise ParameterError(f"The link names {len(names)} methods; the limit is {MOST_METHODS} side by side.")
    return names


def _with_parameter(view: View, key: str, text: str) -> View:
    name, parameter = key.split(".", 1)
    if name not in {method.name for method in methods("saliency")}:
        raise ParameterError(f"The link sets {key[:40]!r}, and there is no method {name[:40]!r}.")
    try:
        from_text(method_named(name).params, {parameter: text})
    except ParameterError as error:
        raise ParameterError(f"{method_named(name).title}: {error}") from error
    return replace(view, params={**view.params, key: text})
