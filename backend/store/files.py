"""Files that are whole or absent: atomic writes, and folders held to a byte budget."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection
from pathlib import Path

from backend.places import PlaceError


class StoreError(PlaceError):
    """A place on disk could not be read or written; the message names the place and the way out."""


def write_whole(path: Path, data: bytes) -> None:
    """Write the file so that a reader sees all of it or none. Raises StoreError naming the folder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unwritable(path.parent, error) from error


def unwritable(place: Path, error: Exception) -> StoreError:
    """The error for a place that does not take what is written to it."""
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    return StoreError(
        f"Nothing could be saved in {place}: {reason}. Free some disk space, or set VITRINE_HOME to a folder that can be written."
    )


def touch(path: Path) -> None:
    """Mark a file as used now, where the folder allows it."""
    try:
        os.utime(path)
    except OSError:
        return  # a read-only folder still serves what it holds


def trim(folder: Path, suffix: str, budget: int, keep: Collection[str] = ()) -> tuple[str, ...]:
    """Remove the files used longest ago until the folder fits `budget` bytes; returns the stems removed.

    Stems in `keep` stay even where the folder then exceeds its budget.
    """
    files = [(file.stat(), Path(file.path)) for file in _entries(folder) if file.name.endswith(suffix)]
    excess = sum(status.st_size for status, _ in files) - budget
    removed = []
    for status, path in sorted(files, key=lambda item: item[0].st_mtime_ns):
        if excess <= 0:
            break
        if path.stem in keep:
            continue
        path.unlink(missing_ok=True)
        removed.append(path.stem)
        excess -= status.st_size
    return tuple(removed)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.is_file()]
    except FileNotFoundError:
        return []
