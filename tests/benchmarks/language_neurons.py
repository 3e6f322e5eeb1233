"""Does a language suffer without its neurons? `python -m tests.benchmarks.language_neurons`.

Stated before the first run: switching off the LAPE neurons of a language raises its loss on held-out text more than that of the
other languages, beyond what as many random neurons in the same layers do (specificity, its whole interval above 0), for each of
at least 8 languages with 10,000 tokens or more. Neurons are chosen on one half of each language's text and tested on the other.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import numpy as np

import backend
from backend.data.corpora import corpus
from backend.methods.neurons.language_neurons import LanguageNeurons

MODEL = "smollm2-135m-instruct"
NAMED = {MODEL: "SmolLM2-135M, Q4_1 de-quantised"}
FEWEST = 8


def lines(found: LanguageNeurons, model: str, settings: dict[str, float]) -> Iterator[str]:
    """The report, whichever way it comes out."""
    chosen = int(found.assigned.any(axis=1).sum())
    yield f"{NAMED.get(model, model)}; {len(found.languages)} languages of the corpus; settings {settings}."
    yield (
        f"{chosen} of {len(found.entropy):,} neurons chosen, bar {found.bar:.3f}; "
        f"{'gate open' if found.gated else 'activation positive'} counts as firing."
    )
    yield "Nats a token on held-out sequences; 95 % bootstrap intervals over sequences, not over draws of random neurons."
    heads = f"{'chosen by':>11}{'tested on':>11}{'neurons':>9}{'loss':>7}{'own change':>26}{'random':>9}{'others':>9}"
    yield f"\n{'language':>20}{heads}  specificity"
    shown = 0
    for number, name in enumerate(found.languages):
        others = np.delete(found.change[number], number).mean()
        low, high = found.specificity_low[number], found.specificity_high[number]
        shown += bool(low > 0)
        verdict = "above 0" if low > 0 else "below 0" if high < 0 else "not shown"
        own = f"{found.change[number, number]:+.3f} [{found.low[number, number]:+.3f}, {found.high[number, number]:+.3f}]"
        yield (
            f"{name:>20}{found.tokens[0, number]:>11,}{found.tokens[1, number]:>11,}{int(found.assigned[:, number].sum()):>9}"
            f"{found.base_loss[number]:>7.2f}{own:>26}{found.control[number, number]:>+9.3f}{others:>+9.3f}"
            f"  {found.specificity[number]:+.3f} [{low:+.3f}, {high:+.3f}] {verdict}"
        )
    yield f"\nSpecificity above 0 for {shown} of {len(found.languages)} languages (stated: each of at least {FEWEST})."
    yield from _matrix("Change of loss, rows switched off, columns read", found.languages, found.change)
    yield from _matrix("The same for random neurons", found.languages, found.control)
    where = found.counts.sum(axis=1)
    yield f"\nNeurons a layer, all languages: {where.tolist()}"


def _matrix(title: str, names: tuple[str, ...], values: np.ndarray) -> Iterator[str]:
    yield f"\n{title}"
    yield f"{'':>20}" + "".join(f"{name[:7]:>9}" for name in names)
    for name, row in zip(names, values, strict=True):
        yield f"{name:>20}" + "".join(f"{value:>+9.3f}" for value in row)


def main() -> None:
    """Run the method and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--corpus", default="languages")
    parser.add_argument("--chosen-by", type=int, default=5_000, help="tokens of each language, at most")
    parser.add_argument("--tested-on", type=int, default=1_000, help="held-out tokens of each language, at most")
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--draws", type=int, default=2, help="sets of random neurons for each language")
    given = parser.parse_args()
    settings = {"chosen_by": given.chosen_by, "tested_on": given.tested_on, "share": given.share, "draws": given.draws}
    begun, told, found = time.monotonic(), 0.0, None
    for found in backend.stream("language_neurons", model=given.model, sample=corpus(given.corpus), **settings):
        if time.monotonic() - told > 30:
            told = time.monotonic()
            done = int((~np.isnan(found.change)).all(axis=1).sum())
            print(f"{done} of {len(found.languages)} languages, {told - begun:.0f} s", file=sys.stderr)
    assert found is not None
    for line in lines(found, given.model, settings):
        print(line)


if __name__ == "__main__":
    main()
