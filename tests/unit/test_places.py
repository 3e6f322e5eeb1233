"""Where things live: one folder, chosen by the environment, made on demand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backend import places


def test_the_environment_chooses_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "cache"))
    assert places.home() == tmp_path / "cache"
    assert places.models().is_dir()
    assert places.images().is_dir()
    assert places.runs().is_dir()
    assert places.database().parent.is_dir()
    assert not places.database().exists()


def test_without_it_the_cache_of_the_user_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VITRINE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places.home() == tmp_path / ".cache" / "vitrine"


def test_a_file_in_the_way_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "taken"))
    with pytest.raises(places.PlaceError, match=r"taken cannot be made .*VITRINE_HOME"):
        places.home()


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(places.PlaceError, match="not writable"):
        places.home()
