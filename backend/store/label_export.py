"""Labels as JSON, in the shape in which Neuronpedia lists a unit's explanations."""

from __future__ import annotations

import re
from typing import Any

from backend.methods.neurons.unit import Unit
from backend.store.labels import Label, Labels

SHORT = {"mlp": "mlp", "attention": "att"}


def exported(labels: Labels, unit: Unit | None = None) -> list[dict[str, Any]]:
    """One object a unit, `modelId`, `layer`, `index` and `explanations`; of one unit, or of all that have a label.

    Layers "mlp.17" and "attention.3" read "17-mlp" and "3-att"; others keep their names. What the shape has no word for
    (rule, history, whole tests) stands under names of our own.
    """
    wanted = labels.all() if unit is None else labels.of(unit)
    by_unit: dict[Unit, list[Label]] = {}
    for label in wanted:
        by_unit.setdefault(label.unit, []).append(label)
    return [_unit(labels, one, own) for one, own in sorted(by_unit.items())]


def _unit(labels: Labels, unit: Unit, own: list[Label]) -> dict[str, Any]:
    return {
        "modelId": labels.model,
        "revision": labels.revision,
        "layer": layer_id(unit.layer),
        "index": str(unit.index),
        "explanations": [_explanation(labels, label) for label in own],
    }


def _explanation(labels: Labels, label: Label) -> dict[str, Any]:
    return {
        "id": label.id,
        "description": label.text,
        "typeName": label.method or None,
        "explanationModelName": None,
        "authorName": label.author,
        "source": label.source,
        "rule": label.rule,
        "createdAt": label.created,
        "updatedAt": label.written,
        "votes": {"for": label.agree, "against": label.disagree},
        "scores": [
            {"explanationScoreTypeName": name, "value": value}
            for name, value in label.test.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        ],
        "test": dict(label.test),
        "history": [vars(version) for version in labels.history(label.id)],
    }


def layer_id(layer: str) -> str:
    """A layer as Neuronpedia writes it."""
    found = re.fullmatch(r"(mlp|attention)\.(\d+)", layer)
    return f"{found[2]}-{SHORT[found[1]]}" if found else layer
