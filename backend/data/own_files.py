"""An operator's own files, from the folders that VITRINE_DATA names: which are there, and which were left out and why."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from backend import limits
from backend.data.documents import Document

TEXTS = (".txt", ".md", ".rst", ".text")
PHOTOS = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class OwnFolder:
    """A folder of VITRINE_DATA under the name links use: that of the folder, in lower case, a number added where it is taken."""

    name: str
    path: Path


@dataclass(frozen=True)
class OwnTexts:
    """The readable texts of a folder, and how many files were left out, in words: "1 binary, 2 empty"."""

    documents: tuple[Document, ...]
    skipped: str


def own_folders() -> tuple[OwnFolder, ...]:
    """The folders of VITRINE_DATA that exist, in its order, separated as in PATH."""
    found: dict[str, OwnFolder] = {}
    for text in os.environ.get("VITRINE_DATA", "").split(os.pathsep):
        path = Path(text).expanduser()
        if text and path.is_dir():
            name = re.sub(r"[^a-z0-9]+", "-", path.resolve().name.lower()).strip("-")[:40] or "folder"
            number = sum(taken.split(".")[0] == name for taken in found)
            unique = f"{name}.{number + 1}" if number else name
            found[unique] = OwnFolder(unique, path.resolve())
    return tuple(found.values())


def own_photos(folder: OwnFolder) -> tuple[Path, ...]:
    """The photo files below the folder in order of their paths, at most `limits.CORPUS_FILES`."""
    return tuple(path for path, _ in _listed(folder.path, PHOTOS))


def has_texts(folder: OwnFolder) -> bool:
    """Whether there is any text file below the folder, readable or not."""
    return next(_walk(folder.path, TEXTS), None) is not None


def own_texts(folder: OwnFolder) -> OwnTexts:
    """The text files below the folder, as UTF-8; what is binary, empty, too large or in another encoding is counted."""
    return _read(_listed(folder.path, TEXTS), folder.path)


@lru_cache(maxsize=8)
def _read(files: tuple[tuple[Path, tuple[int, int]], ...], root: Path) -> OwnTexts:
    documents: list[Document] = []
    skipped: Counter[str] = Counter()
    for path, (size, _) in files:
        problem, text = _decoded(path, size)
        if problem:
            skipped[problem] += 1
        else:
            documents.append(Document(text, path.relative_to(root).as_posix()))
    return OwnTexts(tuple(documents), ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items())))


def _decoded(path: Path, size: int) -> tuple[str, str]:
    """(why the file cannot be used, or "", its text)."""
    if size > limits.TEXT_FILE_BYTES:
        return f"larger than {limits.TEXT_FILE_BYTES // 1024**2} MB", ""
    try:
        data = path.read_bytes()
    except OSError:
        return "unreadable", ""
    if b"\0" in data[:65536] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "binary", ""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "not in UTF-8", ""
    return ("", text) if text.strip() else ("empty", "")


def _listed(root: Path, endings: tuple[str, ...]) -> tuple[tuple[Path, tuple[int, int]], ...]:
    """(path, (bytes, time of the last change)) of each file: what a cache needs to see a change."""
    return tuple(_walk(root, endings))


def _walk(root: Path, endings: tuple[str, ...]) -> Iterator[tuple[Path, tuple[int, int]]]:
    left = limits.CORPUS_FILES
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if not name.lower().endswith(endings) or name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            if not left:
                return
            left -= 1
            status = path.stat()
            yield path, (status.st_size, status.st_mtime_ns)
