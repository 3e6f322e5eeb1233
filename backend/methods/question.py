"""The question: one method asked of one model about one sample, as a value that can be hashed, linked and sent."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Literal

Fill = Literal["blur", "grey", "noise"]
Dtype = Literal["float32", "float64", "bfloat16"]


@dataclass(frozen=True)
class Box:
    """An axis-aligned rectangle in pixels of the model's input frame, right and bottom excluded."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Stroke:
    """A brush stroke in pixels of the model's input frame: a polyline drawn with a round tip of `width` pixels."""

    points: tuple[tuple[float, float], ...]
    width: float


@dataclass(frozen=True)
class RegionEdit:
    """Replace a region of the sample by a fill; with `keep`, everything but the region."""

    shapes: tuple[Box | Stroke, ...]
    fill: Fill = "blur"
    keep: bool = False


@dataclass(frozen=True)
class Image:
    """An image by the SHA-256 of its stored bytes, with the edits made to it in the model's input frame."""

    content: str
    edits: tuple[RegionEdit, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """A text as it was typed; the model's own tokenizer splits it."""

    text: str


@dataclass(frozen=True)
class Corpus:
    """Many samples by the name they are offered under and the SHA-256 of what they hold: a changed corpus is another one."""

    name: str
    content: str


@dataclass(frozen=True)
class Weights:
    """No sample: the method reads the weights of the model alone."""


@dataclass(frozen=True)
class Runs:
    """The questions whose results are the input: what a check measures, what a comparison compares."""

    questions: tuple[Question, ...]


@dataclass(frozen=True)
class ClassLogit:
    """The logit of one class."""

    index: int


@dataclass(frozen=True)
class Contrast:
    """The logit of one class minus that of another."""

    index: int
    against: int


@dataclass(frozen=True)
class TokenLogit:
    """The logit of one token of the vocabulary after the prompt's token at `position`; −1 is the last."""

    index: int
    position: int = -1


@dataclass(frozen=True)
class RandomiseWeights:
    """An edit of the model: parameters of the `stages` deepest of `of` equal parts, from the head down, drawn anew."""

    stages: int
    of: int
    seed: int = 0


@dataclass(frozen=True)
class ScaleUnits:
    """An edit of the pass: activations of some units of a layer are multiplied by `factor`; 0 ablates them."""

    layer: str
    units: tuple[int, ...]
    factor: float = 0.0


@dataclass(frozen=True)
class ClampUnits:
    """An edit of the pass: activations of some units of a layer are set to `value` at every position."""

    layer: str
    units: tuple[int, ...]
    value: float = 0.0


@dataclass(frozen=True)
class ModelRef:
    """A model by name, the revision of its weights (empty: the newest on this machine) and the type it computes in."""

    name: str
    revision: str = ""
    dtype: Dtype = "float32"


Inputs = Image | Prompt | Corpus | Weights | Runs
Target = ClassLogit | Contrast | TokenLogit
Intervention = RandomiseWeights | ScaleUnits | ClampUnits


@dataclass(frozen=True)
class Question:
    """What is asked. Equal questions have equal hashes, and the hash names the run everywhere."""

    method: str
    model: ModelRef
    inputs: Inputs
    params: Any
    target: Target | None = None
    edits: tuple[Intervention, ...] = ()
    seed: int = 0

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, 64 hexadecimal digits. Raises TypeError for parameters that have no JSON form."""
        try:
            return _known_hash(self)
        except TypeError:  # of what cannot be looked up, the encoding says which part it does not take
            return _hash(self)

    def asking(self, **changes: Any) -> Question:
        """The same question with some fields changed."""
        return replace(self, **changes)


@lru_cache(maxsize=4096)
def _known_hash(question: Question) -> str:
    # A page builds the same questions at every rerun.
    return _hash(question)


def _hash(question: Question) -> str:
    from backend.methods.encoding import encode

    canonical = json.dumps(encode(question), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
