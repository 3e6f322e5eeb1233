"""The gallery: twelve photos and twelve digits from the installed packages, found without importing them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from backend.data import images, samples
from backend.data.digits import held_out
from backend.data.images import ImageError


@pytest.mark.parametrize("item", samples.samples(), ids=lambda item: item.name)
def test_every_photo_is_stored_and_loads(item: samples.Sample) -> None:
    picture = images.load(samples.sample_image(item.name))
    assert min(picture.size) >= 200
    assert np.asarray(picture).std() > 20


def test_names_titles_and_pictures_differ() -> None:
    gallery = (*samples.samples(), *samples.samples("digit"))
    assert len({item.name for item in gallery}) == len(gallery) == 24
    assert len({samples.sample_image(item.name) for item in gallery}) == len(gallery)


def test_digits_are_those_of_scikit_learn_and_held_out() -> None:
    digits = load_digits()
    rows = []
    for item in samples.samples("digit"):
        assert item.row is not None
        rows.append(item.row)
        assert item.title == f"Digit {digits.target[item.row]}"
        pixels = np.asarray(images.load(samples.sample_image(item.name)), np.float64)
        np.testing.assert_allclose(pixels, digits.images[item.row] * 255 / 16, atol=0.5)
    assert set(digits.target[rows]) == set(range(10))
    assert set(rows) <= set(held_out().indices)


def test_an_unknown_sample_is_refused_with_those_there_are() -> None:
    with pytest.raises(ImageError, match="no sample named 'dog'; there are cat, coffee"):
        samples.sample_image("dog")


def test_a_sample_removed_since_is_stored_anew(home: Path) -> None:
    content = samples.sample_image("cat")
    (home / "images" / f"{content}.png").unlink()
    assert samples.sample_image("cat") == content
    assert images.exists(content)


def test_the_gallery_imports_no_heavy_package(home: Path) -> None:
    code = (
        "import sys; from backend.data import samples; samples.sample_image('cat'); samples.samples('digit');"
        "print([name for name in ('skimage', 'sklearn', 'scipy', 'torch', 'streamlit') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"
