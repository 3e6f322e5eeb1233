"""How long a reader waits: for a switch on a cached sweep, for the first picture, and after Stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from backend.methods.question import ClassLogit, Question
from backend.methods.registry import method_named, methods
from backend.methods.steps import Progress
from tests.benchmarks.bench import PATIENCE, Bench, Pass
from tests.benchmarks.figures import Figure, latency
from tests.benchmarks.timing import timed

SWITCH_BAR = 50.0
FIRST_PASSES = 2
CHUNK = 16


def measure(bench: Bench, repetitions: int) -> Iterator[Figure]:
    """All figures of this file."""
    yield from _switches(bench, repetitions)
    for method in methods("saliency"):
        yield from _first_partial(bench, method.name, repetitions)
    yield from _stop(bench, repetitions)


def _switches(bench: Bench, repetitions: int) -> Iterator[Figure]:
    targets = [ClassLogit(index) for index in bench.classes[: repetitions + 1]]
    layers = list(bench.model().layers)
    to_gradient, to_product, to_layer = [], [], []
    for target in targets:
        bench.run(bench.question("grad_cam", target, seed=0))
        to_gradient.append(_wait(bench, bench.question("gradient", target, seed=0)))
        to_product.append(_wait(bench, bench.question("input_x_gradient", target, seed=0)))
    for number in range(repetitions + 1):
        layer = layers[number % (len(layers) - 1)]
        seed = number // (len(layers) - 1)
        bench.run(bench.question("gradient", targets[0], seed=seed))
        to_layer.append(_wait(bench, bench.question("grad_cam", targets[0], seed=seed, layer=layer)))
    yield latency("switch from grad_cam to gradient", to_gradient[1:], SWITCH_BAR, "ask to final snapshot")
    yield latency("switch from grad_cam to input × gradient", to_product[1:], SWITCH_BAR, "ask to final snapshot")
    yield latency("switch of grad_cam's layer", to_layer[1:], SWITCH_BAR, "ask to final snapshot")
    for name, params in (("rise", {"masks": 1000}), ("occlusion", {})):
        bench.run(bench.question(name, targets[0], seed=0, **params))
        waits = [_wait(bench, bench.question(name, target, seed=0, **params)) for target in targets[1:]]
        note = "1000 masks" if name == "rise" else "169 windows"
        yield latency(f"switch of class, {name}", waits, SWITCH_BAR, f"{note}; ask to final snapshot")


def _wait(bench: Bench, question: Question) -> float:
    assert bench.engine.free(question)
    return timed(lambda: bench.run(question)).wall


def _first_partial(bench: Bench, name: str, repetitions: int) -> Iterator[Figure]:
    question = bench.question(name)
    step = next(iter(method_named(name).run(question, bench.asking(question))))
    assert not isinstance(step, Progress)
    rows = step.value.passes
    yield Figure(
        f"{name}: passes before the first picture", rows.forward, "rows", "at most", FIRST_PASSES,
        note=f"{rows.forward} forward, {rows.backward} backward, batches of 1",
    )  # fmt: skip
    bare = bench.bare([Pass(1, "float32", rows.backward > 0)])
    waits, passes = [], []
    for _ in range(repetitions):
        waits.append(timed(lambda: bench.first_value(bench.question(name))).wall)
        _rest(bench)
        passes.append(timed(bare).wall)
    what = "forward + backward" if rows.backward else "forward"
    note = f"{np.median(waits) / np.median(passes):.2f} bare passes of one row ({what}, {1e3 * np.median(passes):.0f} ms)"
    yield latency(f"{name}: ask to the first picture", waits, None, note)


def _stop(bench: Bench, repetitions: int) -> Iterator[Figure]:
    """Leave a running job at moments that differ from round to round."""
    for name, params, backward in (
        ("rise", {"masks": 1000, "precision": "exact"}, False),
        ("integrated_gradients", {"rule": "midpoint", "steps": 256}, True),
    ):
        bare = bench.bare([Pass(CHUNK, "float32", backward)])
        chunk = float(np.median([timed(bare).wall for _ in range(repetitions)]))
        waits, rows = zip(*[_stopped(bench, name, params, chunk * i / repetitions) for i in range(repetitions)], strict=True)
        yield Figure(
            f"stop {name}: most rows run after it",
            max(rows),
            "rows",
            "at most",
            CHUNK,
            rounds=repetitions,
            note="one chunk is 16 rows",
        )
        note = f"longest {1e3 * max(waits):.0f} ms; one bare chunk of {CHUNK} takes {1e3 * chunk:.0f} ms"
        yield latency(f"stop {name}: leave to the final snapshot", waits, 1e3 * chunk, note)


def _stopped(bench: Bench, name: str, params: dict[str, Any], delay: float) -> tuple[float, int]:
    subscription, version = bench.engine.ask(bench.question(name, **params), leased=False, keep=False), -1
    while (snapshot := bench.engine.wait(subscription, version, PATIENCE)).done < 3 * CHUNK:
        version = snapshot.version
    time.sleep(delay)
    before, start = bench.engine.look(subscription), time.perf_counter()
    bench.engine.leave(subscription)
    after = bench.engine.wait_final(subscription, PATIENCE)
    assert before is not None
    assert after is not None
    assert after.state == "stopped"
    return time.perf_counter() - start, after.done - before.done


def _rest(bench: Bench) -> None:
    """Wait until the engine has dropped what was left."""
    while bench.engine.status().running or bench.engine.status().waiting:
        time.sleep(0.001)
