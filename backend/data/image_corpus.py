"""Many pictures from few photos: random square crops drawn by their number, or the handwritten digits as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from backend.data import digits, images, samples
from backend.data.frames import Preprocess, frame

CROPS = 2_400
SMALLEST_CROP, LARGEST_CROP = 0.35, 1.0  # of the photo's shorter side
SEED = 0


@dataclass(frozen=True)
class Photo:
    """A photo of the corpus: its name as readers are told, and how to get at its bytes."""

    source: str
    path: Path


@dataclass(frozen=True)
class ImageCorpus:
    """Pictures by number: `picture` gives the part of the photo that an item is, sources and labels are one an item."""

    picture: Callable[[int], Picture.Image]
    sources: Sequence[str]
    labels: Sequence[str]

    def __len__(self) -> int:
        return len(self.sources)

    def frame(self, item: int, preprocess: Preprocess) -> np.ndarray:
        """What a model sees of an item, uint8 (H, W, C): the whole crop, none of its border lost. Raises ImageError."""
        whole = Preprocess(preprocess.height, preprocess.width, preprocess.height, preprocess.mean, preprocess.std)
        return frame(self.picture(item), whole)

    def source(self, item: int) -> str:
        """The photo an item is cut from, or the row of the digits' table."""
        return self.sources[item]

    def label(self, item: int) -> str:
        """The class an item is known to have; "" where none is."""
        return self.labels[item]


def sample_photos() -> tuple[Photo, ...]:
    """The photos of the gallery; parts of them are left to the crops."""
    return tuple(Photo(item.title, samples.packaged(item.file)) for item in samples.samples("photo") if item.crop is None)


def crops(photos: Sequence[Photo], count: int = CROPS) -> ImageCorpus:
    """At least `count` square crops, as many of each photo, sides uniform from 0.35 to 1 of its shorter side, never mirrored."""
    each = -(-count // len(photos))

    def picture(item: int) -> Picture.Image:
        photo = _decoded(photos[item // each].path)
        return photo.crop(crop_box(item, *photo.size))

    sources = [photo.source for photo in photos for _ in range(each)]
    return ImageCorpus(picture, sources, [""] * len(sources))


def crop_box(item: int, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the crop with that number in a photo of that size; drawn by number, so always the same."""
    draw = np.random.default_rng((SEED, item)).uniform(size=3)
    side = max(1, round(min(width, height) * (SMALLEST_CROP + (LARGEST_CROP - SMALLEST_CROP) * draw[0])))
    left, top = round((width - side) * draw[1]), round((height - side) * draw[2])
    return left, top, left + side, top + side


def digit_pictures(held_out: bool) -> ImageCorpus:
    """scikit-learn's digits, those the models learned from or those held out; the label is the digit."""
    chosen = digits.held_out() if held_out else digits.training()
    sources = [f"digits, row {row}" for row in chosen.indices]
    return ImageCorpus(lambda item: Picture.fromarray(chosen.pixels[item]), sources, [str(digit) for digit in chosen.classes])


@lru_cache(maxsize=32)
def _decoded(path: Path) -> Picture.Image:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise images.ImageError(f"The photo {path.name} of the corpus cannot be read any more. Start the app again.") from error
    return images.decode(path.name, data)
