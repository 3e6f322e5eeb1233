"""A unit card for elsewhere: JSON with the shape Neuronpedia gives a neuron inside, and CSV of the examples."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.methods.neurons.unit import Unit
from backend.methods.question import Corpus
from backend.store.label_export import layer_id
from backend.store.unit_index import UnitRecord
from pages.neurons.phrases import Phrase

NOTES = {"smollm2-135m-instruct": "SmolLM2-135M, Q4_1 de-quantised"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute


@dataclass(frozen=True)
class Written:
    """A token that a neuron raises or lowers, by how many logits."""

    token: int
    text: str
    logit: float


@dataclass(frozen=True)
class Shown:
    """What a card shows, gathered while it is drawn: a download runs later, where the session cannot be asked.

    examples: by band, of a language model as phrases; of an image model as (value, item, source, cell).
    items: how much of the corpus the index has seen.
    """

    model: str
    revision: str
    unit: Unit
    kind: str
    corpus: Corpus
    items: int
    record: UnitRecord
    examples: Mapping[str, tuple[Phrase | Seen, ...]]
    written: tuple[Written, ...]
    labels: tuple[Mapping[str, Any], ...]
    link: str


@dataclass(frozen=True)
class Seen:
    """One example as a photo: the unit's value, the photo's number and source, and the cell of the map, in reading order."""

    value: float
    item: int
    source: str
    cell: int


def card_json(shown: Shown) -> str:
    """The card as JSON (RFC 8259: no NaN): its numbers under our own names, and `neuronpedia` as that site writes a neuron."""
    record = shown.record
    body = {
        "model": shown.model,
        "weights": NOTES.get(shown.model, shown.model),
        "revision": shown.revision,
        "unit": {"layer": shown.unit.layer, "index": shown.unit.index, "kind": shown.kind},
        "link": shown.link,
        "corpus": {"name": shown.corpus.name, "content": shown.corpus.content, "items": shown.items},
        "statistics": {name: finite(getattr(record, name)) for name in STATISTICS},
        "quantiles": {str(share): finite(value) for share, value in record.quantiles.items()},
        "histogram": {"low": finite(record.low), "high": finite(record.high), "counts": [int(count) for count in record.counts]},
        "examples": {band: [_example(example) for example in examples] for band, examples in shown.examples.items()},
        "neuronpedia": neuronpedia(shown),
    }
    return json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False)


STATISTICS = ("minimum", "maximum", "mean", "deviation", "skewness", "kurtosis", "firing_rate")


def neuronpedia(shown: Shown) -> dict[str, Any]:
    """The unit under the names of Neuronpedia's public schema, as far as they have a counterpart here."""
    record, counts = shown.record, [int(count) for count in shown.record.counts]
    edges = np.linspace(record.low, record.high, len(counts) + 1)
    raised = [token for token in shown.written if token.logit >= 0]
    lowered = [token for token in reversed(shown.written) if token.logit < 0]
    return {
        "modelId": shown.model,
        "layer": layer_id(shown.unit.layer),
        "index": str(shown.unit.index),
        "maxActApprox": finite(record.maximum),
        "frac_nonzero": finite(record.firing_rate),
        "pos_str": [token.text for token in raised],
        "pos_values": [token.logit for token in raised],
        "neg_str": [token.text for token in lowered],
        "neg_values": [token.logit for token in lowered],
        "freq_hist_data_bar_heights": counts,
        "freq_hist_data_bar_values": [float(value) for value in (edges[:-1] + edges[1:]) / 2],
        "activations": [_activation(phrase) for phrase in shown.examples.get("top", ()) if isinstance(phrase, Phrase)],
        "explanations": [explanation for labels in shown.labels for explanation in labels["explanations"]],
    }


def examples_csv(shown: Shown) -> str:
    """A line an example: band, value, item, place, source, times, text. Texts that a spreadsheet would compute get a quote."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(("band", "value", "item", "place", "source", "times", "text"))
    for band, examples in shown.examples.items():
        for example in examples:
            if isinstance(example, Phrase):
                cells = (example.peak, _cell(example.source), example.times, _cell(example.text))
            else:
                cells = (example.cell, _cell(example.source), 1, "")
            writer.writerow((band, f"{example.value:.6g}", example.item, *cells))
    return buffer.getvalue()


def finite(value: float) -> float | None:
    """JSON knows no infinity and no NaN."""
    return float(value) if math.isfinite(value) else None


def _example(example: Phrase | Seen) -> dict[str, Any]:
    own: dict[str, Any] = {"value": finite(example.value), "item": example.item, "source": example.source}
    if isinstance(example, Seen):
        return own | {"cell": example.cell}
    values = [finite(float(value)) for value in example.values]
    return own | {"peak": example.peak, "times": example.times, "tokens": list(example.tokens), "values": values}


def _activation(phrase: Phrase) -> dict[str, Any]:
    values = [finite(float(value)) for value in phrase.values]
    return {
        "tokens": list(phrase.tokens),
        "values": values,
        "maxValue": finite(phrase.value),
        "maxValueTokenIndex": phrase.peak,
        "minValue": min((value for value in values if value is not None), default=None),
    }


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
