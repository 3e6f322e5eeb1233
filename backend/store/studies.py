"""Studies: runs kept together under a name, to be reopened or shared."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from backend import limits
from backend.methods.question import Question
from backend.store.database import Database, database
from backend.store.runs import RunGone, RunStore

COUNTED = (
    "SELECT id, name, created, count(hash) AS runs FROM studies LEFT JOIN study_runs ON study = id WHERE owner = ? {} "
    "GROUP BY id ORDER BY created, name"
)


class StudyError(ValueError):
    """A study that cannot be made, named or filled so; the message names the value and the limit."""


class StudyGone(LookupError):
    """A study that is not on this machine; the message is for the page."""


@dataclass(frozen=True)
class Study:
    """A study as the list shows it: its id in links, name, seconds since 1970, and how many runs it holds."""

    id: str
    name: str
    created: float
    runs: int


class Studies:
    """The studies of one owner. Their runs are kept from being removed to make room."""

    def __init__(self, owner: str = "local", at: Database | None = None) -> None:
        self.owner = owner
        self.database = at or database()

    def create(self, name: str) -> Study:
        """A new, empty study. Raises StudyError for a name that is empty, too long or taken, or where there are too many."""
        name = _checked(name)
        study = Study(secrets.token_urlsafe(9), name, time.time(), 0)
        with self.database.writing() as connection:
            count = connection.execute("SELECT count(*) FROM studies WHERE owner = ?", (self.owner,)).fetchone()[0]
            if count >= limits.STUDIES_KEPT:
                raise StudyError(f"There are {count} studies; the limit is {limits.STUDIES_KEPT}. Delete one first.")
            with _free(name):
                connection.execute("INSERT INTO studies VALUES (?, ?, ?, ?)", (study.id, self.owner, name, study.created))
        return study

    def rename(self, study: str, name: str) -> None:
        """Give a study another name. Raises StudyError as `create` does, StudyGone."""
        name = _checked(name)
        with self.database.writing() as connection:
            self._owned(connection, study)
            with _free(name):
                connection.execute("UPDATE studies SET name = ? WHERE id = ?", (name, study))

    def delete(self, study: str) -> None:
        """Delete a study; its runs stay in the history. Raises StudyGone."""
        with self.database.writing() as connection:
            self._owned(connection, study)
            connection.execute("DELETE FROM studies WHERE id = ?", (study,))

    def all(self) -> tuple[Study, ...]:
        """All studies of the owner, oldest first."""
        return tuple(Study(**dict(row)) for row in self.database.read(COUNTED.format(""), (self.owner,)))

    def study(self, study: str) -> Study:
        """The study of that id. Raises StudyGone."""
        rows = self.database.read(COUNTED.format("AND id = ?"), (self.owner, study))
        if not rows:
            raise _gone(study)
        return Study(**dict(rows[0]))

    def add(self, study: str, run: str) -> None:
        """Put a run at the end of a study, once. Raises StudyGone, RunGone, StudyError where the study is full."""
        with self.database.writing() as connection:
            self._owned(connection, study)
            held = connection.execute("SELECT hash FROM study_runs WHERE study = ?", (study,)).fetchall()
            if run in {row["hash"] for row in held}:
                return
            if len(held) >= limits.RUNS_IN_STUDY:
                raise StudyError(f"The study holds {len(held)} runs; the limit is {limits.RUNS_IN_STUDY}. Start another.")
            self.runs.run(run)
            connection.execute(
                "INSERT INTO study_runs SELECT ?, ?, coalesce(max(position), 0) + 1 FROM study_runs WHERE study = ?",
                (study, run, study),
            )

    def remove(self, study: str, run: str) -> None:
        """Take a run out of a study; it stays in the history. Raises StudyGone, RunGone where the study does not hold it."""
        with self.database.writing() as connection:
            self._owned(connection, study)
            if not connection.execute("DELETE FROM study_runs WHERE study = ? AND hash = ?", (study, run)).rowcount:
                raise RunGone("This run is not in the study any more.")

    def hashes(self, study: str) -> tuple[str, ...]:
        """The runs of a study by hash, in the order they were added. Raises StudyGone."""
        self.study(study)
        rows = self.database.read("SELECT hash FROM study_runs WHERE study = ? ORDER BY position", (study,))
        return tuple(row["hash"] for row in rows)

    def reopen(self, study: str) -> tuple[Question, ...]:
        """The questions of a study, in the order they were added. Raises StudyGone, ParameterError."""
        return tuple(self.runs.question(name) for name in self.hashes(study))

    @property
    def runs(self) -> RunStore:
        """The runs of the same owner."""
        return RunStore(self.owner, self.database)

    def _owned(self, connection: sqlite3.Connection, study: str) -> None:
        if not connection.execute("SELECT 1 FROM studies WHERE id = ? AND owner = ?", (study, self.owner)).fetchone():
            raise _gone(study)


@contextmanager
def _free(name: str) -> Iterator[None]:
    """Turns a clash of names into words."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise StudyError(f"There is a study named “{name}” already. Choose another name.") from error


def _checked(name: str) -> str:
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not name:
        raise StudyError("A study needs a name.")
    if len(name) > limits.STUDY_NAME_CHARACTERS:
        raise StudyError(
            f"“{name[:20]}…” has {len(name)} characters; the limit is {limits.STUDY_NAME_CHARACTERS}. Choose a shorter name."
        )
    return name


def _gone(study: str) -> StudyGone:
    shown = "".join(letter for letter in study[:12] if letter.isprintable())
    return StudyGone(f"The study this link names ({shown}) is not on this machine: it was deleted, or made elsewhere.")
