"""What the neuron page shows, as one value that a link can say whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

from backend.limits import PROMPT_CHARACTERS
from backend.methods.params import ParameterError, from_text
from backend.methods.question import Inputs, ModelRef, Question, RegionEdit, Target
from backend.methods.registry import method_named, methods
from backend.store.unit_index import Band
from pages.saliency.region_text import read_region, write_region

Mode = Literal["units", "sentence"]
Search = Literal["", "meaning", "token", "prompt", "photo", "like"]
Kinds = Literal["", "writes", "reads"]
LensMeasure = Literal["probability", "divergence", "rank"]
HeadMeasure = Literal["first", "previous", "itself", "entropy", "induction"]
NOT_VIEW = ("model",)  # the sidebar's
FIND_CHARACTERS = 200
CORPUS_CHARACTERS = 100  # an operator's folder may have any name
FACETS = 12
_CONTENT = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_LAYER = re.compile(r"[A-Za-z0-9_.\-]{1,80}")
_UNIT = re.compile(_LAYER.pattern + r":\d{1,9}")
_WORD = re.compile(r"[a-z0-9][a-z0-9_ \-]{0,39}")
_NUMBER = re.compile(r"-?\d{1,6}(\.\d{1,4})?")


@dataclass(frozen=True)
class View:
    """The page in one value; all but model and revision stand in the link, by these names.

    model, revision: of the weights; the sidebar chooses the model and this machine has its revision, "" until it is loaded.
    mode: the explorer of units with their cards, or the reading of a sentence.
    unit: "layer:number" of the card, "" for the explorer.
    corpus: what the index was collected over, "" for the model's first.
    prompt: the text under debugging, "" for the page's own; photo: a sample's name or a stored photo's SHA-256, "" for the
        model's first sample; region: a part of that photo, None for all of it.
    search, find: how units are searched and for what: a meaning, a token or a unit; prompts and photos have fields of their own.
    kinds: whether classes go by what neurons write, or by what they make of what they read; "" for what is known first.
    layer, facets: only units of this layer and of these classes are listed. across, up: statistics of the scatter.
    order: the statistic that sorts the list where no search does.
    band, full: which examples a card shows, and whether whole texts instead of phrases.
    target, position: a token of the vocabulary, or a class, that is explained; None for the model's first; and after which
        token of the prompt, −1 being the last. head: "layer:number" of an attention map.
    lens, heads: what the logit lens and the overview of heads show; sized: weights times the length of what is read.
    factor, clamp: what the card's unit is multiplied by, or set to where `clamp` is not None.
    params: a method's parameters as a link writes them, by "method.parameter".
    """

    model: str = ""
    revision: str = ""
    mode: Mode = "units"
    unit: str = ""
    corpus: str = ""
    prompt: str = ""
    photo: str = ""
    region: RegionEdit | None = None
    search: Search = ""
    find: str = ""
    kinds: Kinds = ""
    layer: str = ""
    facets: tuple[str, ...] = ()
    across: str = ""
    up: str = ""
    order: str = ""
    band: Band = "top"
    full: bool = False
    target: int | None = None
    position: int = -1
    head: str = ""
    lens: LensMeasure = "probability"
    heads: HeadMeasure = "first"
    sized: bool = False
    factor: float = 0.0
    clamp: float | None = None
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def ref(self) -> ModelRef:
        """The model as questions name it."""
        return ModelRef(self.model, self.revision)

    def question(self, name: str, inputs: Inputs, target: Target | None = None, **params: Any) -> Question:
        """One method asked of the view's model, with the link's parameters for it and then `params`.

        Raises ParameterError for parameters that do not fit.
        """
        own = {key.split(".", 1)[1]: text for key, text in self.params.items() if key.split(".", 1)[0] == name}
        chosen = from_text(method_named(name).params, own)
        return Question(name, self.ref, inputs, replace(chosen, **params), target)


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
    for item in fields(View):
        value = getattr(view, item.name)
        if item.name not in ("model", "revision", "params") and value != getattr(first, item.name):
            link[item.name] = _written(value)
    return link


def _written(value: Any) -> str:
    if isinstance(value, RegionEdit):
        return write_region(value)
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with(view: View, key: str, text: str) -> View:
    if "." in key:
        return _with_parameter(view, key, text)
    if key not in _READERS:
        raise ParameterError(f"The link's part {key[:40]!r} means nothing here.")
    changed: dict[str, Any] = {key: _READERS[key](key, text)}
    return replace(view, **changed)


def _with_parameter(view: View, key: str, text: str) -> View:
    name, parameter = key.split(".", 1)
    if name not in {method.name for method in methods("neurons")}:
        raise ParameterError(f"The link sets {key[:40]!r}, and there is no method {name[:40]!r}.")
    try:
        from_text(method_named(name).params, {parameter: text})
    except ParameterError as error:
        raise ParameterError(f"{method_named(name).title}: {error}") from error
    return replace(view, params={**view.params, key: text})


def _one_of(options: tuple[str, ...]) -> Callable[[str, str], str]:
    def reader(key: str, text: str) -> str:
        if text not in options:
            raise ParameterError(f"The link's {key}, {text[:40]!r}, is none of {', '.join(filter(None, options))}.")
        return text

    return reader


def _like(pattern: re.Pattern[str], meant: str) -> Callable[[str, str], str]:
    def reader(key: str, text: str) -> str:
        if not pattern.fullmatch(text):
            raise ParameterError(f"The link's {key}, {text[:40]!r}, is not {meant}.")
        return text

    return reader


def _text(most: int) -> Callable[[str, str], str]:
    def reader(key: str, text: str) -> str:
        if len(text) > most:
            raise ParameterError(f"The link's {key} has {len(text):,} characters; the limit is {most:,}.")
        return text

    return reader


def _whole(low: int, high: int) -> Callable[[str, str], int]:
    def reader(key: str, text: str) -> int:
        if not re.fullmatch(r"-?\d{1,7}", text) or not low <= int(text) <= high:
            raise ParameterError(f"The link's {key}, {text[:20]!r}, is outside {low} to {high:,}.")
        return int(text)

    return reader


def _number(limit: float) -> Callable[[str, str], float]:
    def reader(key: str, text: str) -> float:
        if not _NUMBER.fullmatch(text) or abs(float(text)) > limit:
            raise ParameterError(f"The link's {key}, {text[:20]!r}, is outside −{limit:g} to {limit:g}.")
        return float(text)

    return reader


def _switch(key: str, text: str) -> bool:
    return _one_of(("true", "false"))(key, text) == "true"


def _photo(key: str, text: str) -> str:
    if not _CONTENT.fullmatch(text) and not _NAME.fullmatch(text):
        raise ParameterError(f"The link's {key}, {text[:40]!r}, is neither a sample's name nor a photo's fingerprint.")
    return text


def _facets(key: str, text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    strange = [name[:40] for name in names if not _WORD.fullmatch(name)]
    if strange or len(names) > FACETS:
        raise ParameterError(f"The link's {key}, {text[:40]!r}, are not up to {FACETS} names of classes.")
    return names


_READERS: dict[str, Callable[[str, str], Any]] = {
    "mode": _one_of(get_args(Mode)),
    "unit": _like(_UNIT, "a layer and a number, such as mlp.17:842"),
    "corpus": _text(CORPUS_CHARACTERS),
    "prompt": _text(PROMPT_CHARACTERS),
    "photo": _photo,
    "region": lambda _, text: read_region(text),
    "search": _one_of(get_args(Search)),
    "find": _text(FIND_CHARACTERS),
    "kinds": _one_of(get_args(Kinds)),
    "layer": _like(_LAYER, "a layer's name"),
    "facets": _facets,
    "across": _like(_WORD, "a statistic's name"),
    "up": _like(_WORD, "a statistic's name"),
    "order": _like(_WORD, "a statistic's name"),
    "band": _one_of(get_args(Band)),
    "full": _switch,
    "target": _whole(0, 10**7 - 1),
    "position": _whole(-1, 10**5),
    "lens": _one_of(get_args(LensMeasure)),
    "heads": _one_of(get_args(HeadMeasure)),
    "sized": _switch,
    "head": _like(_UNIT, "a layer and a number, such as attention.12:5"),
    "factor": _number(100.0),
    "clamp": _number(10.0**5),
}
