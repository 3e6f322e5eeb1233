"""What collecting every unit's statistics costs above the passes, and a record of a unit.

`python -m tests.benchmarks.neuron_index`, a quarter of an hour on a quiet machine: a build is made to time batches all along it.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.start import ENVIRONMENT
from tests.benchmarks.__main__ import _own_home
from tests.benchmarks.figures import Figure, latency, ratio, table, write
from tests.benchmarks.timing import interleaved, timed

if TYPE_CHECKING:
    from tests.benchmarks.index_contestants import Bare, Ours

MODEL = "smollm2-135m-instruct"
MODEL_WORDS = "SmolLM2-135M, Q4_1 de-quantised"
RATIO_BAR, PEERS_BAR, RECORD_BAR, DISK_BAR = 1.35, 2.0, 150.0, 60.0
EXAMPLES, BINS = 20, 64  # a unit of our index; the peers' way is timed with as many


def main() -> int:
    """Measure, print the table, write the JSON; 1 where a bar is missed."""
    chosen = _arguments()
    wanted = ENVIRONMENT | os.environ | {"OMP_NUM_THREADS": str(chosen.threads)}
    if wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, "-m", "tests.benchmarks.neuron_index", *sys.argv[1:]], wanted)
    with tempfile.TemporaryDirectory() as home:
        _own_home(Path(home))
        figures = list(_figures(chosen))
    print("\n" + table(figures))
    if chosen.json:
        write(figures, chosen.json, threads=chosen.threads, rounds=chosen.rounds, model=MODEL_WORDS)
    return int(any(figure.state == "missed" for figure in figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds; fewer than 9 show nothing")
    parser.add_argument("--items", type=int, default=1536, help="of the build whose batches are timed, and of the one made whole")
    parser.add_argument("--parts", type=int, default=12, help="equal parts of the build, of each of which one batch is timed")
    parser.add_argument("--json", type=Path, help="where the figures are written too")
    return parser.parse_args()


def _figures(chosen: argparse.Namespace) -> Iterator[Figure]:
    import torch

    torch.set_num_threads(chosen.threads)
    print(f"torch {torch.__version__}, {chosen.threads} threads, load {os.getloadavg()[0]:.2f}, {MODEL_WORDS}", flush=True)
    for figure in (*_ratios(chosen), *_whole(chosen)):
        print(table([figure]).split("\n", 1)[1], flush=True)
        yield figure


def _ratios(chosen: argparse.Namespace) -> Iterator[Figure]:
    ours, contestants, tokens = _contestants(chosen.items, chosen.parts)
    series = interleaved(contestants, chosen.rounds)
    bare, again = series["bare"], series["again"]
    each = np.median(ours.shares[1:], axis=0) / np.array(_alone(contestants["bare"], chosen.rounds))
    of = f"{MODEL_WORDS}; {chosen.parts} batches evenly spaced over a build of {chosen.items} items, {tokens:,} tokens"
    note = f"{of}; part by part {', '.join(f'{value:.2f}' for value in each)}"
    yield ratio(
        "collecting every unit's statistics / bare body pass", series["ours"], bare, bare, again, bar=RATIO_BAR, note=note
    )
    yield ratio(
        "stack and top-k, the peers' way / ours", series["peers"], series["ours"], bare, again,
        side="at least", bar=PEERS_BAR, note=f"{of}; {ours.neurons:,} neurons, {EXAMPLES} examples, {BINS} bins each",
    )  # fmt: skip


def _alone(bare: Bare, rounds: int) -> list[float]:
    """Median CPU seconds of each batch's bare pass."""
    return [float(np.median([timed(lambda row=row: bare.one(row)).cpu for _ in range(min(rounds, 3))])) for row in bare.rows]


def _contestants(items: int, parts: int) -> tuple[Ours, dict[str, Any], int]:
    """Ours, everyone by name, and how many tokens the timed batches have."""
    from backend.data.corpora import corpus
    from backend.engine.asking import TokenAsking
    from backend.engine.workshop import Workshop
    from backend.methods.neurons.index.passing import Texts, source
    from backend.methods.neurons.index.plan import plan
    from backend.methods.neurons.neuron_index import NeuronIndex
    from backend.methods.question import ModelRef, Question
    from tests.benchmarks.index_contestants import Bare, Ours, Peers

    on = corpus("documents")
    asking = TokenAsking(Question("neuron_index", ModelRef(MODEL), on, NeuronIndex()), Workshop("cpu"))
    *_, texts = source(on, asking, 0)
    assert isinstance(texts, Texts)
    batches = plan(texts.lengths, items, seed=0, rows=texts.rows, positions=texts.positions).batches
    stops = [int((part + 0.5) * len(batches) / parts) for part in range(parts)]
    timed_batches = [batches[stop] for stop in stops]
    ours, bare = Ours(asking, texts, batches, stops), Bare(asking, texts, timed_batches)
    contestants = {"ours": ours, "bare": bare, "again": bare, "peers": Peers(asking, texts, timed_batches, EXAMPLES, BINS)}
    return ours, contestants, int(sum(texts.lengths[batch].sum() for batch in timed_batches))


def _whole(chosen: argparse.Namespace) -> Iterator[Figure]:
    """An index built as the app builds it: its size, its memory, and what a record costs."""
    import backend
    from backend.data.corpora import corpus
    from backend.methods.neurons.unit import unit_at
    from backend.store.index_file import index_path
    from backend.store.unit_index import open_index

    on, memory, before = corpus("documents"), list[float](), time.perf_counter()
    last: Any = None
    for last in backend.stream("neuron_index", model=MODEL, sample=on, items=chosen.items):  # noqa: B007  (the last one stays)
        memory.append(_resident())
    seconds = time.perf_counter() - before
    size = index_path(last.model, last.revision, on).stat().st_size / 1e6
    yield Figure(
        "index on disk", size, "MB", bar=DISK_BAR, note=f"{last.items} items, {last.positions:,} tokens, {seconds:.0f} s"
    )
    settled = memory[len(memory) // 3 :]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    growth = f"peak of the process {peak:,.0f} MB; from {settled[0]:,.0f} to {settled[-1]:,.0f} MB"
    yield Figure("memory growth over the last two thirds of a build", settled[-1] - settled[0], "MB", note=growth)
    draw, waits = np.random.default_rng(0), []
    for _ in range(60):
        start = time.perf_counter()
        index = open_index(last.model, last.revision, on)
        assert index is not None
        index.record(unit_at(int(draw.integers(index.manifest.units)), index.manifest.layers))
        waits.append(time.perf_counter() - start)
    yield latency("a unit's record, file opened anew", waits, RECORD_BAR)


def _resident() -> float:
    """Memory of this process now, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


if __name__ == "__main__":
    sys.exit(main())
