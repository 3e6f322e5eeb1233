"""Which code made a result: a result of other code is shown as history, never taken for the answer of this code."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

# What a number can depend on; the store, the limits and the headless way in cannot change one.
PARTS = ("data", "engine", "evidence", "methods", "models")


@cache
def code_version() -> str:
    """The first 12 hexadecimal digits of the SHA-256 over the backend's computing modules, names and bytes."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for file in sorted(path for part in PARTS for path in (root / part).rglob("*.py")):
        digest.update(f"{file.relative_to(root).as_posix()}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
