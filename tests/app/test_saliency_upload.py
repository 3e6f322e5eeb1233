"""Uploads on the saliency page: good photos are explained, others are named with what is wrong, and the old ones stay."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Picture

from backend.data import images
from tests.app.visit import Visit


def _noise(width: int = 40, height: int = 20, mode: str = "RGB") -> Picture.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Picture.fromarray(pixels).convert(mode)


def _bytes(picture: Picture.Image, kind: str, **how: object) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, **how)
    return buffer.getvalue()


def _sixteen_bit() -> bytes:
    return _bytes(Picture.fromarray(np.linspace(0, 65535, 800).reshape(20, 40).astype(np.uint16)), "PNG")


def _animated() -> bytes:
    return _bytes(_noise(), "WEBP", save_all=True, append_images=[Picture.new("RGB", (40, 20))], lossless=True)


def _rotated() -> bytes:
    exif = Picture.Exif()
    exif[0x0112] = 6  # stored lying, to be shown upright
    return _bytes(_noise(), "JPEG", exif=exif.tobytes())


BAD = {
    "truncated.png": (lambda: _bytes(_noise(), "PNG")[:200], ("damaged or cut short",)),
    "empty.png": (lambda: b"", ("0 bytes",)),
    "dot.png": (lambda: _bytes(_noise(1, 1), "PNG"), ("1 × 1", "8 pixels")),
    "huge.png": (lambda: _bytes(Picture.new("1", (20_000, 20_000)), "PNG"), ("20,000 × 20,000", "25 megapixels")),
    "strip.png": (lambda: _bytes(_noise(400, 10), "PNG"), ("400 × 10", "16 times")),
    "text.png": (lambda: b"to whom it may concern", ("no PNG, JPEG or WebP file",)),
}
GOOD = {
    "cmyk.jpg": (lambda: _bytes(_noise(mode="CMYK"), "JPEG"), (40, 20)),
    "sixteen.png": (_sixteen_bit, (40, 20)),
    "animated.webp": (_animated, (40, 20)),
    "rotated.jpg": (_rotated, (20, 40)),
    "*bold* <i>name</i>.png": (lambda: _bytes(_noise(), "PNG"), (40, 20)),
}


def _uploading(model: str = "digits-cnn") -> Visit:
    visit = Visit(model=model, methods="gradient").settle().press("Change photo")
    visit.labelled("button_group", "Source").set_value("Upload").run()
    return visit


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_with_its_value_and_limit_and_the_old_photo_and_maps_stay(name: str) -> None:
    make, words = BAD[name]
    visit = _uploading()
    before = (visit.title, visit.link, visit.cards()["gradient"].figure)
    visit.app.main.file_uploader[0].upload(name, make(), "image/png")
    visit.run()
    (told,) = visit.problems
    assert name in told
    assert all(word in told for word in words), told
    assert (visit.title, visit.link, visit.cards()["gradient"].figure) == before


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_is_opened_upright_and_explained(name: str) -> None:
    make, size = GOOD[name]
    visit = _uploading()
    visit.app.main.file_uploader[0].upload(name, make(), "image/png")
    visit.settle()
    assert not visit.problems
    assert images.load(visit.link["photo"]).size == size
    assert "Your photo" in visit.cards()["gradient"].figure["alt"]


def test_a_bad_file_after_a_good_one_leaves_the_good_one() -> None:
    visit = _uploading()
    visit.app.main.file_uploader[0].upload("good.png", _bytes(_noise(), "PNG"), "image/png")
    visit.settle()
    photo = visit.link["photo"]
    visit.app.main.file_uploader[0].set_value(("bad.png", b"no picture", "image/png"))
    visit.run()
    assert any("bad.png" in problem for problem in visit.problems)
    assert visit.link["photo"] == photo


def test_an_upload_is_explained_by_the_default_model_too() -> None:
    visit = _uploading("efficientnet-lite0")
    visit.app.main.file_uploader[0].upload("noise.jpg", _bytes(_noise(300, 200), "JPEG"), "image/jpeg")
    visit.settle()
    assert visit.title.startswith("Why ")
    assert visit.cards()["gradient"].figure is not None
    assert any("noise.jpg" in text or "noise.jpg" in box.value.replace("\\", "") for text in ("",) for box in visit.app.success)
