"""The database file: made once, shared by processes, and told of when it cannot be used."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from backend import limits
from backend.store.database import MIGRATIONS, Database, database
from backend.store.files import StoreError


def count(of: Database) -> int:
    return int(of.read("SELECT count(*) FROM studies")[0][0])


def write(to: Database, name: str) -> None:
    with to.writing() as connection:
        connection.execute("INSERT INTO studies VALUES (?, 'local', ?, 0)", (name, name))


def test_a_new_file_is_brought_up_to_date_and_kept(home: Path) -> None:
    first = database()
    assert first.read("PRAGMA user_version")[0][0] == len(MIGRATIONS)
    assert first.read("PRAGMA journal_mode")[0][0] == "wal"
    write(first, "a")
    first.close()
    assert count(Database(home / "vitrine.db")) == 1


def test_a_transaction_that_fails_leaves_nothing() -> None:
    shared = database()
    twice = [("a", "local", "a", 0), ("a", "local", "b", 0)]
    with pytest.raises(StoreError), shared.writing() as connection:
        connection.executemany("INSERT INTO studies VALUES (?, ?, ?, ?)", twice)
    assert count(shared) == 0
    write(shared, "b")
    assert count(shared) == 1


def test_a_file_of_a_newer_version_is_left_alone(home: Path) -> None:
    with sqlite3.connect(home / "vitrine.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"written by a newer Vitrine \(version 99"):
        database()


def test_a_file_that_is_no_database_is_told_of(home: Path) -> None:
    (home / "vitrine.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match=r"vitrine.db is damaged .* Move it away"):
        database()


def test_a_file_that_cannot_be_made_is_named(home: Path) -> None:
    with pytest.raises(StoreError, match=f"Nothing could be saved in {home}/nowhere/vitrine.db: unable to open"):
        Database(home / "nowhere" / "vitrine.db")


def test_a_full_disk_is_told_of_and_loses_nothing() -> None:
    shared = database()
    write(shared, "a")
    pages = shared.read("PRAGMA page_count")[0][0]
    shared.read(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="database or disk is full. Free some disk space"):
        write(shared, "b" * 100_000)
    assert count(shared) == 1
    shared.read("PRAGMA max_page_count = 1000000")
    write(shared, "c")
    assert count(shared) == 2


def test_a_writer_elsewhere_is_waited_for_and_then_told_of(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BUSY_SECONDS", 0.05)
    here, elsewhere = Database(home / "vitrine.db"), Database(home / "vitrine.db")
    with elsewhere.writing(), pytest.raises(StoreError, match="in use by another process"):
        write(here, "a")
    write(here, "a")
    assert count(elsewhere) == 1
