"""Files: whole or absent, and folders within their budget."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

from backend.store.files import StoreError, trim, write_whole


def test_a_disk_that_is_full_leaves_the_old_file_and_no_litter(home: Path) -> None:
    """The system's own limit on file size stands in for a full disk: the write fails half way."""
    path = home / "a" / "b.bin"
    write_whole(path, b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(StoreError, match=f"Nothing could be saved in {home}/a: .*Free some disk space"):
            write_whole(path, bytes(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["b.bin"]


def test_the_file_used_longest_ago_goes_first_and_the_kept_stay(home: Path) -> None:
    folder = home / "files"
    for age, name in enumerate(["d", "c", "b", "a"]):
        write_whole(folder / f"{name}.x", bytes(100))
        os.utime(folder / f"{name}.x", (1000 + age, 1000 + age))
    write_whole(folder / "other.y", bytes(1000))
    assert trim(folder, ".x", 200, keep={"d"}) == ("c", "b")
    assert sorted(os.listdir(folder)) == ["a.x", "d.x", "other.y"]
    assert trim(folder, ".x", 200) == ()
    assert trim(home / "nowhere", ".x", 0) == ()
