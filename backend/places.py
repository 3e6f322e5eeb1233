"""Where things live outside the clone: converted models, stored images, runs and the database."""

from __future__ import annotations

import os
from pathlib import Path


class PlaceError(OSError):
    """A folder that cannot be made or written to; the message names it and the way out."""


def home() -> Path:
    """The cache folder: `VITRINE_HOME` where it is set, else ~/.cache/vitrine. Raises PlaceError if not writable."""
    return _writable(Path(os.environ.get("VITRINE_HOME") or "~/.cache/vitrine").expanduser())


def models() -> Path:
    """Weights converted at set-up."""
    return _writable(home() / "models")


def images() -> Path:
    """Stored photos, named by the SHA-256 of their bytes."""
    return _writable(home() / "images")


def runs() -> Path:
    """Arrays of finished runs, named by their question's hash."""
    return _writable(home() / "runs")


def indexes() -> Path:
    """Unit indexes: what each unit of a model does on a corpus."""
    return _writable(home() / "indexes")


def database() -> Path:
    """The SQLite file of the run history; its folder exists, the file may not yet."""
    return home() / "vitrine.db"


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlaceError(f"{folder} cannot be made ({error.strerror}). Set VITRINE_HOME to a folder you can write to.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PlaceError(f"{folder} is not writable. Set VITRINE_HOME to a folder you can write to.")
    return folder
