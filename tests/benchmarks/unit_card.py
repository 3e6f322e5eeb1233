"""What a unit card costs in the backend, from the index on disk to the HTML: `python -m tests.benchmarks.unit_card`.

For neurons drawn at random: the index opened, the unit's record, the examples of all bands as phrases and as heat text, the
density with the layer's median beside it. The model is not needed. The corpus is cut into tokens once a start, timed apart. Where
there is no index of the default language model yet, one of `--items` texts is made first, which takes minutes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import numpy as np

from tests.benchmarks.figures import Figure, latency, table
from tests.benchmarks.timing import Timing, timed

MODEL, CORPUS, BAR = "smollm2-135m-instruct", "documents", 150


def main() -> int:
    """Measure and print the table; 1 where the bar is missed."""
    chosen = _arguments()
    figures = list(_measure(chosen.units, chosen.items))
    print(f"\nSmolLM2-135M, Q4_1 de-quantised\n{table(figures)}")
    return int(any(figure.state == "missed" for figure in figures))


def _measure(units: int, items: int) -> Iterator[Figure]:
    from tokenizers import Tokenizer

    from backend import places
    from backend.data.corpora import corpus, text_corpus
    from backend.methods.neurons.unit import Unit
    from backend.store.unit_index import open_index

    tokenizer = Tokenizer.from_file(str(places.models() / MODEL / "tokenizer.json"))
    begun = time.perf_counter()
    texts = corpus(CORPUS)
    text_corpus(texts, tokenizer)
    yield latency("corpus read and cut into tokens, once a start", [time.perf_counter() - begun], None)
    revision = _revision(items)
    index = open_index(MODEL, revision, texts)
    assert index is not None
    layers = [layer for layer in index.manifest.layers if layer.kind == "neuron"]
    draw = np.random.default_rng(0)
    chosen = [Unit(layer.name, int(draw.integers(layer.count))) for layer in draw.choice(np.array(layers, object), units)]
    found: list[Timing] = [timed(lambda unit=unit: _card(revision, unit, tokenizer)) for unit in chosen]  # type: ignore[misc]
    processor = 1000 * float(np.median([timing.cpu for timing in found]))
    note = f"wall; {processor:.0f} ms of CPU; {index.manifest.items:,} texts, {units} units"
    yield latency("a unit card from the index", [timing.wall for timing in found], BAR, note)


def _card(revision: str, unit: object, tokenizer: object) -> None:
    from backend.data.corpora import corpus, text_corpus
    from backend.store.unit_index import open_index
    from components.figures.density import density
    from components.tokens import heat_text
    from pages.neurons.phrases import phrases
    from pages.neurons.text_examples import heat_row, scale_end

    texts = corpus(CORPUS)
    index = open_index(MODEL, revision, texts)
    record, tokens = index.record(unit), text_corpus(texts, tokenizer)  # type: ignore[union-attr, arg-type]
    for examples in record.examples.values():
        rows = [heat_row(phrase) for phrase in phrases(examples, tokens, tokenizer)]  # type: ignore[arg-type]
        heat_text(rows, limit=scale_end(record), theme="light")
    density(record.counts, record.low, record.high, record.quantiles, "light")
    index.statistic("firing_rate")  # type: ignore[union-attr]


def _revision(items: int) -> str:
    """The revision of the model, whose index is made where there is none."""
    import backend
    from backend.data.corpora import corpus
    from backend.methods.question import ModelRef
    from backend.models.loading import load_any
    from backend.store.unit_index import open_index

    revision = load_any(ModelRef(MODEL)).card.revision
    if open_index(MODEL, revision, corpus(CORPUS)) is None:
        backend.run("neuron_index", model=MODEL, sample=corpus(CORPUS), items=items)
    return revision


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=100, help="cards that the median is taken over")
    parser.add_argument("--items", type=int, default=128, help="texts of an index that has to be made first")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
