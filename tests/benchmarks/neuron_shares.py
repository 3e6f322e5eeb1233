"""Share of neurons per functional and input-output class by layer: `python -m tests.benchmarks.neuron_shares`.

Weights alone, so nothing was chosen on any data; thresholds are the literature's, as the methods' docstrings say. Beside each
share stands its control: for functions, writes with shuffled coordinates; for input and output, pairs of different neurons.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

import backend

MODEL = "smollm2-135m-instruct"
NAMED = {MODEL: "SmolLM2-135M, Q4_1 de-quantised"}


def lines(model: str) -> Iterator[str]:
    """The tables, a line at a time."""
    functions, io = backend.run("functional_classes", model=model), backend.run("io_functionality", model=model)
    yield f"{NAMED.get(model, model)}: {len(functions.classes):,} MLP neurons in {len(functions.layers)} layers; shares in %."
    control = f"{functions.controls:,} writes with shuffled coordinates"
    yield f"\nFunctional classes. {functions.note} Control: {control}."
    yield from _table(functions.names, functions.shares, functions.classes, functions.control)
    null = functions.null_share >= 0.5
    last = int(null[-functions.layers[-1].count :].sum())
    yield f"\nNeurons that write half or more into the least-read directions: {int(null.sum())}, in the last layer {last}."
    yield f"A random write has {functions.null_chance:.1%} of its squared length there."
    pulling = functions.deactivation * np.sqrt(_width(model)) > 6
    yield f"Neurons aligned with a head's rest direction by more than 6 standard deviations: {int(pulling.sum())}."
    yield f"\nInput-output classes. {io.note} Control: input and output of different neurons of a layer."
    yield from _table(io.names, io.shares, io.classes, io.control)
    yield f"\nThird cosine as the class supposes (typical): {io.typical.mean():.1%}."


def _table(names: tuple[str, ...], shares: np.ndarray, classes: np.ndarray, control: np.ndarray) -> Iterator[str]:
    yield f"{'layer':>8}" + "".join(f"{name[:22]:>24}" for name in names)
    for number, row in enumerate(shares):
        yield f"{number:>8}" + "".join(f"{100 * value:>24.2f}" for value in row)
    whole = np.bincount(classes, minlength=len(names)) / len(classes)
    yield f"{'all':>8}" + "".join(f"{100 * value:>24.2f}" for value in whole)
    yield f"{'control':>8}" + "".join(f"{100 * value:>24.2f}" for value in control)


def _width(model: str) -> int:
    from backend.engine import engine
    from backend.methods.question import ModelRef

    return int(engine().workshop.card(ModelRef(model)).width)


def main() -> None:
    """Run both methods and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=MODEL)
    for line in lines(parser.parse_args().model):
        print(line)


if __name__ == "__main__":
    main()
