"""Times the methods against Captum and against the bare passes, and the waits of a reader: `python -m tests.benchmarks`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from components.start import ENVIRONMENT

PARTS = ("overhead", "latencies", "captum")


def main() -> int:
    """Measure, print the table, write the JSON; 1 where a bar is missed."""
    chosen = _arguments()
    # As `make run` sets them; the C library and the thread pools read them before Python does.
    wanted = ENVIRONMENT | os.environ | {"OMP_NUM_THREADS": str(chosen.threads)}
    if wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, "-m", "tests.benchmarks", *sys.argv[1:]], wanted)
    with tempfile.TemporaryDirectory() as home:
        _own_home(Path(home))
        return _measure(chosen)


def _measure(chosen: argparse.Namespace) -> int:
    import torch

    from tests.benchmarks import against_captum, latencies, overhead
    from tests.benchmarks.bench import Bench
    from tests.benchmarks.figures import Figure, table, write

    bench, figures = Bench(chosen.threads), list[Figure]()
    memory = {name: value for name, value in os.environ.items() if name.startswith(("MALLOC_", "GLIBC_", "LD_PRELOAD"))}
    load = f"load {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores"
    print(
        f"torch {torch.__version__}, {chosen.threads} threads, {load}, memory {memory or 'as the C library has it'}", flush=True
    )
    measures = {"overhead": overhead.measure, "latencies": latencies.measure, "captum": against_captum.measure}
    for part in chosen.only:
        for figure in measures[part](bench, chosen.repetitions):
            figures.append(figure)
            print(table([figure]).split("\n", 1)[1], flush=True)
    bench.engine.close()
    print("\n" + table(figures))
    if chosen.json:
        write(
            figures, chosen.json, threads=chosen.threads, memory=memory, repetitions=chosen.repetitions, torch=torch.__version__
        )
    return int(any(figure.state == "missed" for figure in figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1, help="of torch, in the app and in its peer")
    parser.add_argument("--repetitions", type=int, default=9, help="rounds a median is taken over; fewer than 9 show nothing")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS, metavar="PART", help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, help="where the figures are written too")
    return parser.parse_args()


def _own_home(home: Path) -> None:
    """Photos go to a folder of this run; the weights are those `make run` converted."""
    from backend import places

    weights = places.models()
    (home / "models").symlink_to(weights, target_is_directory=True)
    os.environ["VITRINE_HOME"] = str(home)


if __name__ == "__main__":
    sys.exit(main())
