"""Do maps beat random orders over many photos? `python -m tests.benchmarks.hypotheses --folder PHOTOS --count 50`.

The settings below were fixed before the first run. Each photo's numbers are written as soon as they are known, so a run
that is stopped goes on where it was; results of other settings or other code are not taken over.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import backend
from backend import places
from backend.evidence.curves import EDGES, PIXELS, PROTOCOLS, SMOOTH
from backend.evidence.finding import Finding
from tests.benchmarks.intervals import DRAWS, LEVEL, bootstrap_mean

ROOT = Path(__file__).parents[2]
MODEL = "efficientnet-lite0"
METHODS: dict[str, dict[str, Any]] = {
    "rise": {"masks": 500}, "grad_cam": {}, "integrated_gradients": {}, "occlusion": {}, "gradient": {},
}  # fmt: skip
STATED = ("rise", "grad_cam", "integrated_gradients")  # the hypotheses; the other rows are for comparison
STEPS, ORDERS, SEED = 10, 8, 0
FEW = 20  # photos under which a bootstrap interval is too short to be believed
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
CODE = ("backend/evidence", "backend/methods/saliency", "backend/data", "backend/engine/passes.py", "backend/models")

PhotoNumbers = dict[str, dict[str, dict[str, float]]]  # protocol → method or control → "value", or one entry an order


def chosen_photos(folder: Path, count: int) -> list[Path]:
    """`count` photos evenly spread over the folder's names in order, so that no class or letter is favoured."""
    photos = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not photos:
        raise SystemExit(f"{folder} holds no photo ({', '.join(sorted(SUFFIXES))}).")
    where = np.linspace(0, len(photos) - 1, min(count, len(photos))).round().astype(int)
    return [photos[index] for index in where]


def fingerprint() -> str:
    """What a photo's numbers depend on beside the photo: settings and code, as a short hash."""
    digest = hashlib.sha256(json.dumps([MODEL, METHODS, STEPS, ORDERS, SEED], sort_keys=True).encode())
    for name in CODE:
        place = ROOT / name
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def measure(photo: Path) -> PhotoNumbers:
    """Areas under the curves of every method and control on one photo, its first class explained."""
    shared: dict[str, Any] = {"model": MODEL, "sample": photo, "seed": SEED}
    target = backend.prediction(sample=photo, model=MODEL).top(1)[0]
    numbers: PhotoNumbers = {name: {} for name in PROTOCOLS}
    for method, params in METHODS.items():
        result = backend.run(method, **shared, target=target, **params)
        finding: Finding = backend.check("insertion_deletion", result, seed=SEED, steps=STEPS, orders=ORDERS)
        for found in finding.measures:
            numbers[found.name][method] = {"value": found.value}
            for control, values in found.controls.items():
                numbers[found.name][control] = {str(order): value for order, value in enumerate(values)}
    return numbers


def all_numbers(photos: list[Path], results: Path) -> Iterator[PhotoNumbers]:
    """Each photo's numbers, read where they are known, measured and written otherwise; what fails is told and left out."""
    results.mkdir(parents=True, exist_ok=True)
    for done, photo in enumerate(photos, 1):
        place = results / f"{hashlib.sha256(photo.read_bytes()).hexdigest()[:24]}.json"
        if not place.exists():
            before = time.perf_counter()
            try:
                numbers = measure(photo)
            except (RuntimeError, ValueError, OSError) as error:
                print(f"{photo.name}: left out, {error}", file=sys.stderr)
                continue
            part = place.with_suffix(".part")
            part.write_text(json.dumps({"photo": photo.name, "numbers": numbers}, indent=1), encoding="utf-8")
            part.replace(place)
            print(f"{done} of {len(photos)}: {photo.name}, {time.perf_counter() - before:.0f} s", file=sys.stderr)
        yield json.loads(place.read_text(encoding="utf-8"))["numbers"]


def advantage(numbers: PhotoNumbers, protocol: str, method: str, control: str) -> float:
    """How much better a method is than a control on one photo; positive is better for both protocols."""
    found = numbers[protocol]
    against = float(np.mean(list(found[control].values())))
    sign = 1 if protocol == "insertion" else -1
    return sign * (found[method]["value"] - against)


def one_random_order(numbers: PhotoNumbers, protocol: str) -> float:
    """The first smooth random order against the mean of the others: what no effect looks like."""
    first, *others = numbers[protocol][SMOOTH].values()
    return (1 if protocol == "insertion" else -1) * (first - float(np.mean(others)))


def table(photos: list[PhotoNumbers]) -> Iterator[str]:
    """The lines of the report."""
    for protocol in PROTOCOLS:
        yield f"\n{protocol}, area under the curve; means over {len(photos)} photos"
        for name in (*METHODS, SMOOTH, EDGES, PIXELS):
            yield f"  {name:22s} {np.mean([np.mean(list(numbers[protocol][name].values())) for numbers in photos]):.4f}"
        for control in (SMOOTH, EDGES):
            against = f"the mean of {ORDERS} smooth random orders" if control == SMOOTH else "the edge detector"
            yield f"  better than {against} by (positive is better; * a stated hypothesis)"
            for method in METHODS:
                differences = [advantage(numbers, protocol, method, control) for numbers in photos]
                star = "*" if method in STATED and protocol == "insertion" else " "
                yield f"  {star} {method:20s} {bootstrap_mean(differences, SEED)}"
        chance = bootstrap_mean([one_random_order(numbers, protocol) for numbers in photos], SEED)
        yield f"    {'one random order':20s} {chance}  (against the others: what no effect looks like)"


def protocol_lines(folder: Path, photos: int, code: str) -> Iterator[str]:
    """How the numbers were obtained."""
    settings = ", ".join(f"{name} {params}" if params else name for name, params in METHODS.items())
    yield f"Model {MODEL}, its first class explained on each photo, right or wrong."
    yield f"{photos} photos evenly spread over {folder.name}/." + (" Too few for its intervals." if photos < FEW else "")
    yield f"Methods: {settings}; everything else at its default. Seed {SEED}. Settings and code {code}."
    yield f"Check insertion_deletion: {STEPS} steps, {ORDERS} smooth random orders, edge detector; its words are in the app."
    yield f"Paired differences per photo; mean with a {100 * LEVEL:.0f} % bootstrap interval over photos ({DRAWS:,} draws)."
    yield "No correction for the number of rows: read the starred ones, the others are for comparison."


def main() -> None:
    """Measure, then print the table, whichever way it comes out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="photos, one a file")
    parser.add_argument("--count", type=int, default=50, help="how many of them")
    parser.add_argument("--results", type=Path, help="where each photo's numbers are kept (default: in the app's cache)")
    given = parser.parse_args()
    if not given.folder.is_dir():
        raise SystemExit(f"There is no folder {given.folder}. Name one with photos: --folder PHOTOS")
    if given.count < 1:
        raise SystemExit(f"--count {given.count}: at least one photo is needed.")
    photos, code = chosen_photos(given.folder, given.count), fingerprint()
    found = list(all_numbers(photos, (given.results or places.home() / "hypotheses") / code))
    if not found:
        raise SystemExit("No photo could be measured.")
    for line in (*protocol_lines(given.folder, len(found), code), *table(found)):
        print(line)


if __name__ == "__main__":
    main()
