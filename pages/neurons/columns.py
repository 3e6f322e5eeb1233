"""What is known of every unit at once: statistics and classes as columns in one flat order, whatever method they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backend.methods.neurons.unit import unit_title
from backend.methods.question import Question, Weights
from backend.methods.registry import method_named
from backend.models.card import UnitLayer
from backend.store.labels import Label, Labels
from backend.store.unit_index import UnitIndex
from components.figures.unit_scatter import Statistic, UnitNames
from pages.neurons import answers
from pages.neurons.scene import Scene
from pages.neurons.view import Kinds

UNCLASSED = 255
RARE_PERCENT = 5.0
INDEX_TITLES = {
    "firing_rate": "fires on, %",
    "mean": "mean activation",
    "deviation": "standard deviation",
    "skewness": "skewness of activation",
    "kurtosis": "kurtosis of activation",
    "minimum": "least activation",
    "maximum": "largest activation",
}
WRITE_TITLES = {
    "write_kurtosis": ("kurtosis", "kurtosis of the write"),
    "write_skewness": ("skewness", "skewness of the write"),
    "write_variance": ("variance", "variance of the write"),
    "write_norm": ("norm", "norm of the write"),
}
READ_TITLES = {"read_write": "cosine of input and output", "gate_write": "cosine of gate and output"}
FAMILY_TITLES: dict[Kinds, str] = {"writes": "by what they write", "reads": "by what they do to what they read"}
METHODS: dict[Kinds, str] = {"writes": "functional_classes", "reads": "io_functionality"}


@dataclass(frozen=True)
class Family:
    """A way to sort units: class names, and each unit's class, uint8 (units,), UNCLASSED where it has none.

    The first name stands for what fits no other. control: float64 (names,), the shares where weights are shuffled.
    """

    names: tuple[str, ...]
    classes: np.ndarray
    control: np.ndarray

    def members(self, name: str) -> np.ndarray:
        """The units of a class, bool (units,)."""
        return self.classes == self.names.index(name)

    def counts(self, layers: Sequence[UnitLayer]) -> np.ndarray:
        """How many units of each class each layer has, int (classes, layers)."""
        ends = np.cumsum([layer.count for layer in layers])[:-1]
        parts = np.split(self.classes, ends)
        return np.array([[int((part == number).sum()) for part in parts] for number in range(len(self.names))])


@dataclass(frozen=True)
class Columns:
    """layers: the flat order. statistics by the name links use; families by theirs; labels by flat place.

    waits: how far the methods are whose columns are still missing, by family.
    """

    layers: tuple[UnitLayer, ...]
    statistics: dict[str, Statistic] = field(default_factory=dict)
    families: dict[Kinds, Family] = field(default_factory=dict)
    labels: dict[int, Label] = field(default_factory=dict)
    waits: dict[Kinds, answers.Answer] = field(default_factory=dict)

    @property
    def units(self) -> int:
        """How many units there are."""
        return sum(layer.count for layer in self.layers)

    @property
    def names(self) -> UnitNames:
        """How units are called in figures."""
        prefixes = [unit_title(_first(layer), layer.kind).removesuffix("0") for layer in self.layers]
        return UnitNames(prefixes, [layer.count for layer in self.layers])

    def layer_of(self) -> np.ndarray:
        """The number of each unit's layer, int (units,)."""
        return np.repeat(np.arange(len(self.layers)), [layer.count for layer in self.layers])


def columns(scene: Scene) -> Columns:
    """All columns of the scene's model that are there now; asks for what the weights alone tell."""
    layers = scene.layers
    statistics = _of_index(scene.index, layers) if scene.index is not None else {}
    families: dict[Kinds, Family] = {}
    waits: dict[Kinds, answers.Answer] = {}
    for kinds in METHODS if scene.reads_text else ():
        answer = answers.answer(scene, weights_question(scene, METHODS[kinds]), lambda value: covers(value, layers))
        if answer.value is None:
            waits[kinds] = answer
            continue
        statistics |= _of_weights(answer.value, kinds, layers)
        families[kinds] = _family(answer.value, layers)
    return Columns(layers, statistics, families, _labels(scene), waits)


def weights_question(scene: Scene, name: str) -> Question:
    """A method asked of the scene's weights."""
    return Question(name, scene.question_model, Weights(), method_named(name).params())


def covers(value: Any, layers: Sequence[UnitLayer]) -> bool:
    """Whether a result over MLP layers, which grows layer by layer, has all of them."""
    return len(value.classes) == sum(layer.count for layer in layers if layer.kind == "neuron")


def spread(values: np.ndarray, own: Sequence[UnitLayer], layers: Sequence[UnitLayer], missing: float = np.nan) -> np.ndarray:
    """Values (units of `own`, …) in the flat order of `layers`; `missing` where a layer is not among `own`."""
    starts = dict(zip([layer.name for layer in own], np.cumsum([0, *[layer.count for layer in own]]), strict=False))
    parts = [
        values[starts[layer.name] : starts[layer.name] + layer.count]
        if layer.name in starts and starts[layer.name] + layer.count <= len(values)
        else np.full((layer.count, *values.shape[1:]), missing, values.dtype)
        for layer in layers
    ]
    return np.concatenate(parts) if parts else np.empty(0, values.dtype)


def _of_index(index: UnitIndex, layers: Sequence[UnitLayer]) -> dict[str, Statistic]:
    found = {}
    for name, title in INDEX_TITLES.items():
        values = np.asarray(index.statistic(name), np.float32)
        values = 100 * values if name == "firing_rate" else values
        found[name] = Statistic(title, spread(values, index.manifest.layers, layers))
    return found


def _of_weights(value: Any, kinds: Kinds, layers: Sequence[UnitLayer]) -> dict[str, Statistic]:
    named = WRITE_TITLES if kinds == "writes" else {name: (name, title) for name, title in READ_TITLES.items()}
    found = {
        name: Statistic(title, spread(np.asarray(getattr(value, source), np.float32), value.layers, layers))
        for name, (source, title) in named.items()
    }
    return {name: statistic for name, statistic in found.items() if np.isfinite(statistic.values).any()}


def _family(value: Any, layers: Sequence[UnitLayer]) -> Family:
    return Family(tuple(value.names), spread(value.classes, value.layers, layers, UNCLASSED), np.asarray(value.control))


def _labels(scene: Scene) -> dict[int, Label]:
    if not scene.view.revision:
        return {}
    starts = dict(zip([layer.name for layer in scene.layers], np.cumsum([0, *[la.count for la in scene.layers]]), strict=False))
    best = Labels(scene.view.model, scene.view.revision).best()
    return {int(starts[unit.layer]) + unit.index: label for unit, label in best.items() if unit.layer in starts}


def _first(layer: UnitLayer) -> Any:
    from backend.methods.neurons.unit import Unit

    return Unit(layer.name, 0)
