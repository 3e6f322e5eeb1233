"""What weight methods cost above their bare products: `python -m tests.benchmarks.neuron_weights`.

The bare pass is the same matrix products into the same memory, the readout made beforehand; ours makes it anew. `--layers`
takes some layers, evenly spread, as every layer costs the same; the last row says what all of them take.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from components.start import ENVIRONMENT
from tests.benchmarks.figures import Figure, latency, ratio, table
from tests.benchmarks.timing import interleaved

MODEL = "smollm2-135m-instruct"
CONNECTIONS = 20  # neurons whose connections are timed


def main() -> int:
    """Measure and print the table; 1 where a bar is missed."""
    chosen = _arguments()
    wanted = ENVIRONMENT | os.environ | {"OMP_NUM_THREADS": str(chosen.threads)}
    if wanted != dict(os.environ):  # read by the C library and the thread pools before Python does
        os.execve(sys.executable, [sys.executable, "-m", "tests.benchmarks.neuron_weights", *sys.argv[1:]], wanted)
    figures = list(_measure(chosen.layers, chosen.repetitions, chosen.threads))
    print(f"\nSmolLM2-135M, Q4_1 de-quantised; {chosen.threads} threads\n{table(figures)}")
    return int(any(figure.state == "missed" for figure in figures))


def _measure(layers: int, repetitions: int, threads: int) -> Iterator[Figure]:
    import torch

    from backend.engine.token_passes import TokenPasses
    from backend.methods.neurons.functional_classes import FunctionalClassesParams
    from backend.methods.neurons.neuron_connections import NeuronConnectionsParams
    from backend.methods.neurons.weights.connections import connections
    from backend.methods.neurons.weights.products import blocks
    from backend.methods.neurons.weights.projection import projected, writers
    from backend.methods.neurons.weights.unembedding import readout, unit_rows, writes
    from backend.methods.neurons.weights.write_statistics import write_statistics
    from backend.methods.question import ModelRef
    from backend.models.loaded import LanguageModel
    from backend.models.loading import load_any

    torch.set_num_threads(threads)
    whole = load_any(ModelRef(MODEL))
    assert isinstance(whole, LanguageModel)
    names = [f"mlp.{number}" for number in np.unique(np.linspace(0, whole.card.blocks - 1, layers).round().astype(int))]
    some = replace(whole, neurons={name: whole.neurons[name] for name in names})
    folded, written = readout(some), [unit_rows(writes(some, name)) for name in names]

    def bare() -> None:
        for part in written:
            for _ in blocks(part, folded):
                pass

    def tokens() -> None:
        for _ in projected(some, 10):
            pass

    def statistics() -> None:
        for _ in write_statistics(TokenPasses(some), FunctionalClassesParams(), 0):
            pass

    runs = {"tokens": tokens, "bare": bare, "again": bare, "statistics": statistics}
    series = interleaved(runs, repetitions)
    all_layers = whole.card.blocks / len(names)
    note = f"{len(names)} of {whole.card.blocks} layers; all take {np.median(series['tokens'].cpu) * all_layers:.0f} s of CPU"
    yield ratio(
        "token_projection / bare products", series["tokens"], series["bare"], series["bare"], series["again"], bar=1.3, note=note
    )
    note = f"with its shuffled writes; all layers take {np.median(series['statistics'].cpu) * all_layers:.0f} s of CPU"
    yield ratio(
        "functional_classes / bare products", series["statistics"], series["bare"], series["bare"], series["again"], bar=None,
        note=note,
    )  # fmt: skip
    places = np.linspace(0, whole.card.blocks * 1535, CONNECTIONS).astype(int)
    params = [NeuronConnectionsParams(f"mlp.{place // 1536}", int(place % 1536)) for place in places]
    alone = interleaved({str(one): lambda one=one: connections(whole, one, 0) for one in params}, 1)
    processor = 1000 * np.median([timing.timings[0].cpu for timing in alone.values()])
    walls = [timing.timings[0].wall for timing in alone.values()]
    yield latency("neuron_connections of one neuron", walls, 300, f"wall; {processor:.0f} ms of CPU")
    listed = interleaved({"writers": lambda: writers(whole, 4000, 50)}, repetitions)["writers"]
    yield latency("token_writers of one token", listed.wall, None)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="of torch, in both")
    parser.add_argument("--repetitions", type=int, default=9, help="rounds a median is taken over; fewer than 9 show nothing")
    parser.add_argument("--layers", type=int, default=30, help="how many layers, evenly spread")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
