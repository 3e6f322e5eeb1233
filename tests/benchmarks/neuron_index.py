"""What collecting every unit's statistics costs above the passes, and a record of a unit.

`python -m tests.benchmarks.neuron_index`. The peers' way is a replica of what published code does (Gurnee et al.'s summary.py,
SAEDashboard): a batch's activations of all layers are kept and stacked, and a top-k over tokens is merged with what stands. It
ends in the LM head, whose logits nobody reads.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.start import ENVIRONMENT
from tests.benchmarks.__main__ import _own_home
from tests.benchmarks.figures import Figure, latency, ratio, table, write
from tests.benchmarks.timing import interleaved

MODEL = "smollm2-135m-instruct"
MODEL_WORDS = "SmolLM2-135M, Q4_1 de-quantised"
RATIO_BAR, PEERS_BAR, RECORD_BAR, DISK_BAR = 1.35, 2.0, 150.0, 60.0
TOP = 20  # tokens a neuron in the peers' way


@dataclass(frozen=True)
class Measured:
    """What is timed: batches of one corpus on one model, and functions that pass them all."""

    tokens: int
    early: dict[str, Callable[[], None]]
    later: dict[str, Callable[[], None]]


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
    parser.add_argument("--batches", type=int, default=6, help="batches of up to 384 tokens a round")
    parser.add_argument("--before", type=int, default=512, help="items passed before the batches that are timed later")
    parser.add_argument("--items", type=int, default=256, help="items of the index that is built whole")
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
    measured = _prepared(chosen.batches, chosen.before)
    note = f"{MODEL_WORDS}; {measured.tokens:,} tokens a round"
    for when, contestants in (("first items", measured.early), (f"after {chosen.before} items", measured.later)):
        series = interleaved(contestants, chosen.rounds)
        yield ratio(
            f"collecting all units, {when} / bare body pass", series["ours"], series["bare"], series["bare"], series["again"],
            bar=RATIO_BAR, note=note,
        )  # fmt: skip
        if "peers" in series:
            yield ratio(
                f"stack and top-k, the peers' way / ours, {when}", series["peers"], series["ours"], series["bare"],
                series["again"], side="at least", bar=PEERS_BAR, note=note,
            )  # fmt: skip


def _prepared(count: int, before: int) -> Measured:
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
    batches = plan(texts.lengths, 4096, seed=0, rows=texts.rows, positions=texts.positions).batches
    passed = int(np.searchsorted(np.cumsum([len(batch) for batch in batches]), before)) + 1 if before else 0
    first, later = batches[:count], batches[passed : passed + count]
    bare_first, bare_later = Bare(asking, texts, first), Bare(asking, texts, later)
    return Measured(
        tokens=int(sum(texts.lengths[batch].sum() for batch in first)),
        early={"ours": Ours(asking, texts, first), "bare": bare_first, "again": bare_first},
        later={
            "ours": Ours(asking, texts, later, batches[:passed]),
            "peers": Peers(asking, texts, later, TOP),
            "bare": bare_later,
            "again": bare_later,
        },
    )


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
