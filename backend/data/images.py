"""Photos: opened with care from a stranger's bytes, stored by content, loaded by hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from PIL import ImageFile, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from backend import limits, places
from backend.store.files import touch, trim, write_whole

MATTE = (255, 255, 255)
ANOTHER = "or pick another photo."


class ImageError(ValueError):
    """A photo that cannot be used; the message names it, what is wrong, the limit and the way out. Plain text."""


def add(name: str, data: bytes) -> str:
    """Decode and store an uploaded file; returns its content hash. Raises ImageError, or StoreError where the disk is full."""
    return store(decode(name, data))


def decode(name: str, data: bytes) -> Picture.Image:
    """The first frame of a PNG, JPEG or WebP file, upright, 8 bits, as RGB or L, longer side at most 2048 pixels.

    Raises ImageError for what is too large, too small, damaged or no photo.
    """
    shown = _shown(name)
    if not data:
        raise ImageError(f"{shown} was not opened. It is empty (0 bytes). Save it anew, {ANOTHER}")
    if len(data) > limits.UPLOAD_BYTES:
        raise ImageError(
            f"{shown} was not opened. It has {len(data) / 1024**2:.1f} MB; the limit is {limits.UPLOAD_BYTES // 1024**2} MB. "
            f"Make it smaller, {ANOTHER}"
        )
    reader = _reader(data)
    if reader is None:
        raise ImageError(
            f"{shown} was not opened. It begins with {data[:8]!r}, which no PNG, JPEG or WebP file does. "
            f"Save it as one, {ANOTHER}"
        )
    # A parser of strangers' bytes may raise anything; whatever it is, the file is what is wrong.
    try:
        picture = reader(BytesIO(data))
        size = picture.size
    except Picture.DecompressionBombError as error:  # the WebP parser refuses by itself, before it tells the size
        raise _too_large(shown, f"more than {2 * (Picture.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} megapixels") from error
    except Exception as error:
        raise _damaged(shown, error) from error
    _check_size(shown, size)
    try:
        return _upright_8_bit(picture)
    except Exception as error:
        raise _damaged(shown, error) from error


def store(picture: Picture.Image) -> str:
    """Store pixels without metadata; returns the SHA-256 of the stored PNG. Raises StoreError where it cannot be written."""
    clean = picture.copy()
    clean.info = {}
    buffer = BytesIO()
    clean.save(buffer, "PNG", compress_level=1)  # a tenth of the default's time for a tenth more bytes
    data = buffer.getvalue()
    content = hashlib.sha256(data).hexdigest()
    path = _path(content)
    if path.exists():
        touch(path)
    else:
        write_whole(path, data)
        trim(path.parent, path.suffix, limits.IMAGE_STORE_BYTES, keep=(content,))
    return content


def load(content: str) -> Picture.Image:
    """The stored photo of that hash; shared, so not to be written into. Raises ImageError where it is gone or damaged."""
    if not re.fullmatch(r"[0-9a-f]{64}", content):
        raise ImageError(f"{_shown(content)} names no photo: a name has 64 hexadecimal digits. Pick a photo.")
    return _load(_path(content))


def exists(content: str) -> bool:
    """Whether a photo of that hash is stored on this machine."""
    return bool(re.fullmatch(r"[0-9a-f]{64}", content)) and _path(content).exists()


@lru_cache(maxsize=limits.LOADED_PHOTOS)
def _load(path: Path) -> Picture.Image:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError(
            f"The photo this link names ({path.stem[:8]}…) is not on this machine. Upload it again, {ANOTHER}"
        ) from error
    if hashlib.sha256(data).hexdigest() != path.stem:
        raise ImageError(f"The stored photo {path.stem[:8]}… is damaged. Upload it again, {ANOTHER}")
    touch(path)
    picture = PngImageFile(BytesIO(data))
    picture.load()
    return picture


def _path(content: str) -> Path:
    return places.images() / f"{content}.png"


def _reader(data: bytes) -> Callable[[BytesIO], ImageFile.ImageFile] | None:
    """The one parser that sees the bytes, by their signature: neither the name nor any other format is trusted."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImageFile
    if data.startswith(b"\xff\xd8\xff"):
        return JpegImageFile
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return WebPImageFile
    return None


def _check_size(shown: str, size: tuple[int, int]) -> None:
    text = f"{size[0]:,} × {size[1]:,} pixels"
    if size[0] * size[1] > limits.PIXELS:
        raise _too_large(shown, text)
    if min(size) < limits.LEAST_SIDE:
        limit, way = f"a side needs at least {limits.LEAST_SIDE} pixels", "Use a larger version,"
    elif max(size) > limits.LARGEST_ASPECT * min(size):
        limit, way = f"one side may be at most {limits.LARGEST_ASPECT} times the other", "Crop it,"
    else:
        return
    raise ImageError(f"{shown} was not opened. It is {text}; {limit}. {way} {ANOTHER}")


def _too_large(shown: str, text: str) -> ImageError:
    limit = f"the limit is {limits.PIXELS // 10**6} megapixels"
    return ImageError(f"{shown} was not opened. It is {text}; {limit}. Make it smaller, {ANOTHER}")


def _upright_8_bit(picture: ImageFile.ImageFile) -> Picture.Image:
    side = max(picture.size)
    if side > limits.STORED_SIDE:
        # JPEG decodes at a half, a quarter or an eighth for a fraction of the time; other formats ignore this.
        scale = limits.STORED_SIDE / side
        picture.draft(None, (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    picture.load()
    upright = _to_8_bit(ImageOps.exif_transpose(picture))
    upright.thumbnail((limits.STORED_SIDE, limits.STORED_SIDE), Picture.Resampling.BICUBIC)
    return upright


def _to_8_bit(picture: Picture.Image) -> Picture.Image:
    if picture.mode.startswith("I"):  # 16-bit grey, which convert() would clip at 255
        values = np.asarray(picture).astype(np.uint32)
        return Picture.fromarray(((values.clip(0, 65535) + 128) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        ground = Picture.new("RGBA", layer.size, (*MATTE, 255))
        return Picture.alpha_composite(ground, layer).convert("RGB")
    if picture.mode in ("1", "L"):
        return picture.convert("L")
    return picture.convert("RGB")


def _damaged(shown: str, error: Exception) -> ImageError:
    reason = re.sub(r"\s+", " ", str(error))[:80] or type(error).__name__
    return ImageError(f"{shown} was not opened. It is damaged or cut short ({reason}). Save it anew, {ANOTHER}")


def _shown(name: str) -> str:
    """A file name fit to print: no control or direction characters, the middle of a long one left out."""
    printable = "".join(letter for letter in name if letter.isprintable()).strip() or "The file"
    if len(printable) <= limits.SHOWN_NAME:
        return printable
    return f"{printable[: limits.SHOWN_NAME - 13]}…{printable[-12:]}"
