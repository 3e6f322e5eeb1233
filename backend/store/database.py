"""The one SQLite file: opened once a process, written by one connection under a lock, brought up to date by its version."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from backend import limits, places
from backend.store.files import StoreError, unwritable

# Each script takes the file one version further; once released, a script is never changed, only followed by another.
MIGRATIONS = (
    """
    CREATE TABLE questions (
        hash TEXT PRIMARY KEY, body TEXT NOT NULL, method TEXT NOT NULL, model TEXT NOT NULL, content TEXT,
        state TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, seconds REAL NOT NULL,
        forward INTEGER NOT NULL, backward INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE runs (
        owner TEXT NOT NULL, hash TEXT NOT NULL REFERENCES questions(hash) ON DELETE CASCADE,
        recorded REAL NOT NULL, pinned INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (owner, hash)
    ) WITHOUT ROWID;
    CREATE INDEX runs_by_time ON runs (owner, recorded);
    CREATE INDEX runs_by_hash ON runs (hash);
    CREATE TABLE inspections (
        finding TEXT NOT NULL REFERENCES questions(hash) ON DELETE CASCADE, run TEXT NOT NULL, PRIMARY KEY (run, finding)
    ) WITHOUT ROWID;
    CREATE INDEX inspections_by_finding ON inspections (finding);
    CREATE TABLE studies (
        id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, created REAL NOT NULL, UNIQUE (owner, name)
    ) WITHOUT ROWID;
    CREATE TABLE study_runs (
        study TEXT NOT NULL REFERENCES studies(id) ON DELETE CASCADE,
        hash TEXT NOT NULL REFERENCES questions(hash) ON DELETE CASCADE,
        position INTEGER NOT NULL, PRIMARY KEY (study, hash)
    ) WITHOUT ROWID;
    CREATE INDEX study_runs_by_hash ON study_runs (hash);
    """,
    "ALTER TABLE questions ADD COLUMN code TEXT NOT NULL DEFAULT ''",
    """
    CREATE TABLE labels (
        id TEXT PRIMARY KEY, model TEXT NOT NULL, revision TEXT NOT NULL, layer TEXT NOT NULL, unit INTEGER NOT NULL,
        author TEXT NOT NULL, source TEXT NOT NULL, method TEXT NOT NULL, created REAL NOT NULL, version INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX labels_by_unit ON labels (model, revision, layer, unit);
    CREATE UNIQUE INDEX labels_of_machines ON labels (model, revision, layer, unit, method) WHERE source = 'machine';
    CREATE TABLE label_versions (
        label TEXT NOT NULL REFERENCES labels(id) ON DELETE CASCADE, version INTEGER NOT NULL, before INTEGER NOT NULL,
        text TEXT NOT NULL, rule TEXT NOT NULL, author TEXT NOT NULL, written REAL NOT NULL, PRIMARY KEY (label, version)
    ) WITHOUT ROWID;
    CREATE TABLE label_tests (
        label TEXT NOT NULL REFERENCES labels(id) ON DELETE CASCADE, version INTEGER NOT NULL, question TEXT NOT NULL,
        body TEXT NOT NULL, written REAL NOT NULL, PRIMARY KEY (label, version, question)
    ) WITHOUT ROWID;
    CREATE TABLE label_votes (
        label TEXT NOT NULL REFERENCES labels(id) ON DELETE CASCADE, voter TEXT NOT NULL, vote INTEGER NOT NULL,
        PRIMARY KEY (label, voter)
    ) WITHOUT ROWID;
    CREATE TABLE label_ratings (
        label TEXT NOT NULL REFERENCES labels(id) ON DELETE CASCADE, version INTEGER NOT NULL, item INTEGER NOT NULL,
        rater TEXT NOT NULL, corpus TEXT NOT NULL, value REAL NOT NULL, weight REAL NOT NULL, answer INTEGER NOT NULL,
        written REAL NOT NULL, PRIMARY KEY (label, version, corpus, item, rater)
    ) WITHOUT ROWID;
    """,
)


class Database:
    """One connection shared by all threads of this process; other processes wait their turn up to `BUSY_SECONDS`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        with self._told():
            self._connection = sqlite3.connect(path, timeout=limits.BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute(f"PRAGMA busy_timeout = {int(limits.BUSY_SECONDS * 1000)}")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
        self._migrate()

    def read(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """The rows of a query. Raises StoreError where the file cannot be read."""
        with self._lock, self._told():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it or nothing. Raises StoreError naming the file where it cannot be written."""
        with self._lock, self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have rolled it back already
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connection; the database is of no use afterwards."""
        with self._lock:
            self._connection.close()

    def _migrate(self) -> None:
        if self._version() > len(MIGRATIONS):
            raise StoreError(
                f"{self.path} was written by a newer Vitrine (version {self._version()}; this one knows {len(MIGRATIONS)}). "
                "Update Vitrine, or set VITRINE_HOME to another folder."
            )
        if self._version() == len(MIGRATIONS):
            return
        with self.writing() as connection:
            version = self._version()  # another process may have been faster
            for script in MIGRATIONS[version:]:
                for statement in script.split(";"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _version(self) -> int:
        return int(self.read("PRAGMA user_version")[0][0])

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise StoreError(
                    f"{self.path} has been in use by another process for {limits.BUSY_SECONDS:g} s. Try again."
                ) from error
            raise unwritable(self.path, error) from error
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self.path} is damaged ({error}). Move it away, and Vitrine starts a new one.") from error


def database() -> Database:
    """The database of this machine, opened on first use. Raises StoreError where it cannot be."""
    return _opened(places.database())


@lru_cache(maxsize=8)
def _opened(path: Path) -> Database:
    return Database(path)
