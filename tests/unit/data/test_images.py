"""Photos: what opens, how it is read, and what is refused in words."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from backend import limits
from backend.data import images
from backend.data.images import ImageError, decode


def gradient(width: int = 64, height: int = 48) -> Picture.Image:
    """Red grows to the right, green downwards: any turn or flip shows."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width)
    pixels[..., 1] = np.linspace(0, 255, height)[:, None]
    return Picture.fromarray(pixels)


def encoded(picture: Picture.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def png_of_16_bit_grey(values: np.ndarray) -> bytes:
    """A PNG written by hand, so that no library's idea of 16 bits is tested against itself."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    height, width = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def refusal(name: str, data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        decode(name, data)
    message = str(caught.value)
    assert message.startswith(f"{name} was not opened. It ")
    assert message.endswith("or pick another photo.")
    return message


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_three_formats_open(kind: str) -> None:
    picture = decode("photo", encoded(gradient(), kind, quality=95))
    assert (picture.mode, picture.size) == ("RGB", (64, 48))
    difference = np.abs(np.asarray(picture, np.int16) - np.asarray(gradient(), np.int16))
    assert difference.mean() < 4


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP", "PPM"])
def test_other_formats_are_refused_whatever_their_name(kind: str) -> None:
    assert "no PNG, JPEG or WebP file" in refusal("photo.png", encoded(gradient(), kind))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_is_refused(kind: str, share: float) -> None:
    noise = Picture.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8))
    data = encoded(noise, kind)
    assert "damaged or cut short" in refusal("photo.png", data[: int(len(data) * share)])


def test_empty_is_refused() -> None:
    assert "0 bytes" in refusal("empty.png", b"")


def test_text_named_png_is_refused() -> None:
    assert "It begins with b'Dear sir'" in refusal("letter.png", b"Dear sir, here is my photo.")


def test_one_pixel_is_refused_and_eight_are_not() -> None:
    assert "1 × 1 pixels; a side needs at least 8 pixels" in refusal("dot.png", encoded(gradient(1, 1), "PNG"))
    assert decode("digit.png", encoded(gradient(8, 8), "PNG")).size == (8, 8)


def test_a_strip_is_refused() -> None:
    assert "2,000 × 10 pixels; one side may be at most 16 times the other" in refusal(
        "strip.png", encoded(gradient(2000, 10), "PNG")
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_bomb_is_refused_before_it_is_unpacked(kind: str) -> None:
    """The header claims far more than the file holds; nothing but the header may be read."""
    if kind == "PNG":
        data = bytearray(encoded(Picture.new("1", (64, 64)), "PNG"))
        data[16:24] = struct.pack(">II", 20_000, 20_000)
        data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
        size = "20,000 × 20,000 pixels"
    elif kind == "JPEG":
        data = bytearray(encoded(gradient(), "JPEG"))
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = struct.pack(">HH", 20_000, 20_000)
        size = "20,000 × 20,000 pixels"
    else:
        data = bytearray(encoded(gradient(), "WEBP", lossless=False))
        frame = data.index(b"\x9d\x01\x2a")
        data[frame + 3 : frame + 7] = struct.pack("<HH", 16_000, 16_000)
        size = "more than 179 megapixels"
    message = refusal("holiday.png", bytes(data))
    assert f"It is {size}; the limit is 25 megapixels. Make it smaller" in message


def test_a_real_picture_of_20000_squared_is_refused() -> None:
    data = encoded(Picture.new("1", (20_000, 20_000)), "PNG")
    assert len(data) < limits.UPLOAD_BYTES
    assert "20,000 × 20,000 pixels" in refusal("holiday.png", data)


def test_more_than_ten_megabytes_are_refused() -> None:
    data = encoded(gradient(), "PNG")
    assert "It has 11.0 MB; the limit is 10 MB" in refusal("photo.png", data + bytes(11 * 1024**2 - len(data)))


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    values = np.linspace(0, 65535, 64 * 64).reshape(64, 64)
    picture = decode("scan.png", png_of_16_bit_grey(values.astype(np.uint16)))
    assert picture.mode == "L"
    np.testing.assert_allclose(np.asarray(picture, np.float64), values / 257, atol=0.51)


def test_cmyk_becomes_rgb_of_the_same_colours() -> None:
    picture = decode("print.jpg", encoded(gradient().convert("CMYK"), "JPEG", quality=95))
    assert picture.mode == "RGB"
    assert np.abs(np.asarray(picture, np.int16) - np.asarray(gradient(), np.int16)).mean() < 4


def test_transparent_pixels_become_white() -> None:
    layer = gradient().convert("RGBA")
    layer.putalpha(Picture.fromarray(np.repeat(np.uint8([[0, 255]]), 48, 0)).resize((64, 48), Picture.Resampling.NEAREST))
    pixels = np.asarray(decode("logo.png", encoded(layer, "PNG")))
    assert (pixels[:, :32] == 255).all()
    np.testing.assert_array_equal(pixels[:, 32:], np.asarray(gradient())[:, 32:])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_png_mode_opens(mode: str) -> None:
    picture = decode("photo.png", encoded(gradient().convert(mode), "PNG"))
    assert picture.mode == ("L" if mode in ("1", "L") else "RGB")
    assert picture.size == (64, 48)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_first_frame_of_an_animation_counts(kind: str) -> None:
    red, blue = Picture.new("RGB", (32, 32), "red"), Picture.new("RGB", (32, 32), "blue")
    data = encoded(red, kind, save_all=True, append_images=[blue], duration=100, lossless=True)
    assert decode("dance", data).getpixel((16, 16)) == (255, 0, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(orientation: int) -> None:
    turned = {
        1: None, 2: Picture.Transpose.FLIP_LEFT_RIGHT, 3: Picture.Transpose.ROTATE_180, 4: Picture.Transpose.FLIP_TOP_BOTTOM,
        5: Picture.Transpose.TRANSPOSE, 6: Picture.Transpose.ROTATE_90,
        7: Picture.Transpose.TRANSVERSE, 8: Picture.Transpose.ROTATE_270,
    }[orientation]  # fmt: skip
    held = gradient() if turned is None else gradient().transpose(turned)
    exif = Picture.Exif()
    exif[0x0112] = orientation
    upright = decode("phone.png", encoded(held, "PNG", exif=exif))
    np.testing.assert_array_equal(np.asarray(upright), np.asarray(gradient()))


def test_a_large_photo_is_reduced_with_its_shape() -> None:
    picture = decode("large.jpg", encoded(gradient(4800, 3600), "JPEG"))
    assert picture.size == (2048, 1536)
    assert picture.getpixel((2000, 20))[0] > 240


def test_a_hostile_name_is_shown_without_its_tricks() -> None:
    with pytest.raises(ImageError) as caught:
        decode("a\n\x1b[31m\u202egnp" + "x" * 500 + ".png", b"")
    name = str(caught.value).split(" was not opened")[0]
    assert len(name) == limits.SHOWN_NAME
    assert name.isprintable()
    assert name.endswith(".png")


def test_stored_pixels_come_back_without_metadata(home: Path) -> None:
    exif = Picture.Exif()
    exif[0x010E] = "the street where I live"
    content = images.add("phone.jpg", encoded(gradient(), "JPEG", exif=exif, quality=95))
    stored = (home / "images" / f"{content}.png").read_bytes()
    assert b"street" not in stored
    assert not images.load(content).getexif()
    assert images.load(content).size == (64, 48)


def test_equal_pixels_have_one_name_and_other_pixels_another() -> None:
    first = images.add("a.png", encoded(gradient(), "PNG"))
    assert images.add("b.png", encoded(gradient(), "PNG", compress_level=0)) == first
    assert images.add("c.png", encoded(gradient(65), "PNG")) != first


@pytest.mark.parametrize("content", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n", "0" * 65])
def test_a_name_that_is_no_hash_is_refused(content: str) -> None:
    with pytest.raises(ImageError, match="64 hexadecimal digits"):
        images.load(content)
    assert not images.exists(content)


def test_a_photo_that_is_gone_is_refused_in_words() -> None:
    with pytest.raises(ImageError, match=r"The photo this link names .* is not on this machine"):
        images.load("0" * 64)


def test_a_stored_photo_that_rotted_is_refused(home: Path) -> None:
    content = images.add("a.png", encoded(gradient(), "PNG"))
    path = home / "images" / f"{content}.png"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ImageError, match="is damaged"):
        images.load(content)


def test_the_folder_keeps_to_its_budget(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = images.add("first.png", encoded(gradient(), "PNG"))
    monkeypatch.setattr(limits, "IMAGE_STORE_BYTES", 1)
    second = images.add("second.png", encoded(gradient(80), "PNG"))
    assert (images.exists(first), images.exists(second)) == (False, True)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_mutated_file_opens_or_is_refused(kind: str) -> None:
    """200 files a format, each with bytes changed, cut out or doubled: an image or an ImageError, nothing else."""
    random = np.random.default_rng(7)
    exif = Picture.Exif()
    exif[0x0112] = 6
    original = encoded(gradient(), kind, exif=exif)
    opened = 0
    for _ in range(200):
        data = bytearray(original)
        for _ in range(random.integers(1, 6)):
            at, length = int(random.integers(12, len(data))), int(random.integers(1, 9))
            match random.integers(3):
                case 0:
                    data[at : at + length] = random.bytes(len(data[at : at + length]))
                case 1:
                    del data[at : at + length]
                case _:
                    data[at:at] = data[at : at + length]
        try:
            picture = decode("photo", bytes(data))
        except ImageError:
            continue
        opened += 1
        assert picture.mode in ("RGB", "L")
        assert max(picture.size) <= limits.STORED_SIDE
    assert opened < 200
