"""The sample gallery: photos that installed packages ship, crops of them, and held-out digits."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image as Picture

from backend.data import images
from backend.data.digits import HELD_OUT, SPLIT_SEED

Kind = Literal["photo", "digit"]
Crop = tuple[int, int, int, int]

ASTRONAUT = "skimage/data/astronaut.png"
CAMERA = "skimage/data/camera.png"
MOTORCYCLE = "skimage/data/motorcycle_left.png"
PAVILION = "sklearn/datasets/images/china.jpg"
DIGITS = "sklearn/datasets/data/digits.csv.gz"
DIGITS_SHOWN = 12


@dataclass(frozen=True)
class Sample:
    """A picture of the gallery: its name in links, its title, where it comes from.

    file: the path inside the package that ships it, package first.
    crop: left, top, right, bottom in its pixels, where only a part is shown.
    row: its row in the table of digits, for a digit.
    """

    name: str
    title: str
    source: str
    file: str
    crop: Crop | None = None
    row: int | None = None


# The first is explained on the first visit. Some are hard on purpose: a helmet of the wrong sport, three kinds of cat.
PHOTOS = (
    Sample("cat", "Cat", "scikit-image, chelsea", "skimage/data/chelsea.png"),
    Sample("coffee", "Coffee", "scikit-image, coffee", "skimage/data/coffee.png"),
    Sample("motorcycle", "Motorcycle", "scikit-image, motorcycle_left", MOTORCYCLE),
    Sample("photographer", "Photographer", "scikit-image, camera", CAMERA),
    Sample("pavilion", "Pavilion", "scikit-learn, china", PAVILION),
    Sample("flower", "Flower", "scikit-learn, flower", "sklearn/datasets/images/flower.jpg"),
    Sample("rocket", "Rocket", "scikit-image, rocket", "skimage/data/rocket.jpg"),
    Sample("helmet", "Helmet", "scikit-image, part of astronaut", ASTRONAUT, (250, 300, 512, 512)),
    Sample("tripod", "Tripod", "scikit-image, part of camera", CAMERA, (250, 80, 480, 480)),
    Sample("wheel", "Wheel", "scikit-image, part of motorcycle_left", MOTORCYCLE, (430, 180, 700, 450)),
    Sample("gallery", "Pavilion, lower floors", "scikit-learn, part of china", PAVILION, (150, 150, 430, 400)),
    Sample("astronaut", "Astronaut", "scikit-image, astronaut", ASTRONAUT),
)


def samples(kind: Kind = "photo") -> tuple[Sample, ...]:
    """The gallery of a kind, in the order it is shown."""
    return PHOTOS if kind == "photo" else _digit_samples()


def sample(name: str) -> Sample:
    """The sample of that name. Raises ImageError naming the ones there are."""
    known = {item.name: item for item in (*PHOTOS, *_digit_samples())}
    if name not in known:
        there = ", ".join(item.name for item in PHOTOS)
        raise images.ImageError(f"There is no sample named {name[:40]!r}; there are {there}, and digits.")
    return known[name]


def sample_image(name: str) -> str:
    """Store a sample; returns its content hash. Raises ImageError for an unknown name."""
    content = _stored(name)
    if not images.exists(content):  # trimmed since, or another home
        _stored.cache_clear()
        content = _stored(name)
    return content


@lru_cache(maxsize=256)
def _stored(name: str) -> str:
    item = sample(name)
    picture = _digit(item.row) if item.row is not None else _photo(item)
    return images.store(picture)


def _photo(item: Sample) -> Picture.Image:
    picture = images.decode(Path(item.file).name, packaged(item.file).read_bytes())
    return picture.crop(item.crop) if item.crop else picture


def _digit(row: int) -> Picture.Image:
    """Row of the table as an 8 × 8 picture; ink counts of 0 to 16 become 0 to 255."""
    counts = _digit_table()[row, :64].reshape(8, 8)  # (8, 8)
    return Picture.fromarray(np.rint(counts * (255 / 16)).astype(np.uint8))


@lru_cache(maxsize=1)
def _digit_samples() -> tuple[Sample, ...]:
    """One of each digit and two more, from the rows held out of training."""
    labels = _digit_table()[:, 64].astype(int)  # (1797,)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    rows = [int(row) for row in np.sort(order[:HELD_OUT])]
    firsts = [next(row for row in rows if labels[row] == digit) for digit in range(10)]
    more = [row for row in rows if row not in firsts][: DIGITS_SHOWN - len(firsts)]
    return tuple(
        Sample(f"digit-{row}", f"Digit {labels[row]}", f"scikit-learn, digits, row {row}", DIGITS, row=row)
        for row in (*firsts, *more)
    )


@lru_cache(maxsize=1)
def _digit_table() -> np.ndarray:
    """Float32 (1797, 65): 64 ink counts of 0 to 16, then the digit."""
    text = gzip.decompress(packaged(DIGITS).read_bytes())
    return np.loadtxt(BytesIO(text), delimiter=",", dtype=np.float32)


def packaged(file: str) -> Path:
    """A file of an installed package, found without importing the package. Raises ImageError where it is missing."""
    package, _, rest = file.partition("/")
    spec = find_spec(package)
    path = Path(spec.origin).parent / rest if spec and spec.origin else None
    if path is None or not path.is_file():
        raise images.ImageError(f"The sample {file} is missing on this machine. Install the packages of requirements.txt.")
    return path
