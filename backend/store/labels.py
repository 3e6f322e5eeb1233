"""Names of units by people and machines, with their history, votes and tests: nothing that was written is ever lost."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from backend import limits
from backend.methods.neurons.unit import Unit
from backend.store.database import Database, database
from backend.store.label_words import LabelError, checked_author, checked_line, checked_text

__all__ = ["Label", "LabelError", "LabelGone", "Labels", "Source", "Version"]

Source = Literal["people", "machine"]

_CURRENT = """
    SELECT labels.*, text, rule, written, before,
        (SELECT count(*) FROM label_votes WHERE label = labels.id AND vote > 0) AS agree,
        (SELECT count(*) FROM label_votes WHERE label = labels.id AND vote < 0) AS disagree,
        (SELECT body FROM label_tests WHERE label = labels.id AND version = labels.version ORDER BY written DESC LIMIT 1) AS test
    FROM labels JOIN label_versions ON label = labels.id AND label_versions.version = labels.version
    WHERE model = ? AND revision = ? AND labels.version > 0 {}
    ORDER BY agree - disagree DESC, source = 'people' DESC, written DESC, labels.id
"""


class LabelGone(LookupError):
    """A label that is not on this machine; the message is for the page."""


@dataclass(frozen=True)
class Label:
    """A unit's name as it stands now.

    rule: which samples the name speaks of, in the words a test can match; empty where nothing but people can tell.
    created, written: seconds since 1970, of the first and of the current version. version: counts from 1.
    agree, disagree: votes. test: numbers of the newest test of this version; empty where there is none.
    """

    id: str
    unit: Unit
    text: str
    rule: str
    author: str
    source: Source
    method: str
    created: float
    written: float
    version: int
    agree: int = 0
    disagree: int = 0
    test: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    """One state of a label in its history; `before` is the version it replaced, 0 for the first."""

    number: int
    before: int
    text: str
    rule: str
    author: str
    written: float


class Labels:
    """The labels of one model at one revision. Every change is a transaction, so writers in other processes lose nothing."""

    def __init__(self, model: str, revision: str, at: Database | None = None) -> None:
        self.model = model
        self.revision = revision
        self.database = at or database()

    def add(self, unit: Unit, text: str, *, author: str, rule: str = "", source: Source = "people", method: str = "") -> Label:
        """Name a unit. A machine has one label a unit and method: naming it anew is an edit of that one.

        Raises LabelError for a text or author that is empty or too long, or where the unit has too many labels.
        """
        text, rule, author = checked_text(text), checked_line(rule), checked_author(author)
        with self.database.writing() as connection:
            known = self._machine_label(connection, unit, method) if source == "machine" else None
            name = known or self._insert(connection, unit, author, source, method)
            current = self._version(connection, name)
            if current is None or (current["text"], current["rule"]) != (text, rule):
                self._write(connection, name, text, rule, author)
        return self.label(name)

    def propose(self, unit: Unit, text: str, *, rule: str, method: str) -> None:
        """Write a machine's label unless its last one reads the same, also where it was withdrawn since. Raises LabelError."""
        query = (
            "SELECT text, rule FROM label_versions JOIN labels ON id = label WHERE model = ? AND revision = ? AND layer = ? "
            "AND unit = ? AND method = ? AND source = 'machine' ORDER BY label_versions.version DESC LIMIT 1"
        )
        rows = self.database.read(query, (self.model, self.revision, unit.layer, unit.index, method))
        if not rows or (rows[0]["text"], rows[0]["rule"]) != (text, rule):
            self.add(unit, text, author=method, rule=rule, source="machine", method=method)

    def edit(self, label: str, text: str, *, author: str, rule: str = "") -> Label:
        """Write a label's next version; what it replaces stays in the history. Raises LabelError, LabelGone."""
        text, rule, author = checked_text(text), checked_line(rule), checked_author(author)
        with self.database.writing() as connection:
            self._owned(connection, label)
            self._write(connection, label, text, rule, author)
        return self.label(label)

    def undo(self, label: str) -> Label | None:
        """Go back to the version before; None where that was the first, and the label is withdrawn. Raises LabelGone."""
        with self.database.writing() as connection:
            self._owned(connection, label)
            version = self._version(connection, label)
            if version is None:
                return None
            connection.execute("UPDATE labels SET version = ? WHERE id = ?", (version["before"], label))
        return self.label(label) if version["before"] else None

    def restore(self, label: str, version: int) -> Label:
        """Make a version of the history the current one again. Raises LabelGone."""
        with self.database.writing() as connection:
            self._owned(connection, label)
            query = "SELECT 1 FROM label_versions WHERE label = ? AND version = ?"
            if not connection.execute(query, (label, version)).fetchone():
                raise LabelGone(f"The label has no version {version}.")
            connection.execute("UPDATE labels SET version = ? WHERE id = ?", (version, label))
        return self.label(label)

    def history(self, label: str) -> tuple[Version, ...]:
        """All versions ever written, oldest first, also those undone. Raises LabelGone."""
        rows = self.database.read("SELECT * FROM label_versions WHERE label = ? ORDER BY version", (label,))
        if not rows:
            raise _gone(label)
        return tuple(Version(*(row[key] for key in ("version", "before", "text", "rule", "author", "written"))) for row in rows)

    def vote(self, label: str, voter: str, vote: Literal[-1, 0, 1]) -> None:
        """Agree (1), disagree (−1) or take the vote back (0); one vote a voter. Raises LabelError, LabelGone."""
        if vote not in (-1, 0, 1):
            raise LabelError(f"A vote is −1, 0 or 1, not {vote!r}.")
        with self.database.writing() as connection:
            self._owned(connection, label)
            connection.execute("INSERT OR REPLACE INTO label_votes VALUES (?, ?, ?)", (label, checked_author(voter), vote))

    def keep_test(self, label: Label, question: str, numbers: Mapping[str, Any]) -> None:
        """Keep a test's numbers with the version that was tested, once a question's hash. Raises LabelGone."""
        body = json.dumps(numbers, sort_keys=True)
        with self.database.writing() as connection:
            self._owned(connection, label.id)
            connection.execute(
                "INSERT OR IGNORE INTO label_tests VALUES (?, ?, ?, ?, ?)",
                (label.id, label.version, question, body, time.time()),
            )

    def label(self, label: str) -> Label:
        """The label of that id as it stands. Raises LabelGone where it was never written, or was withdrawn."""
        rows = self.database.read(_CURRENT.format("AND labels.id = ?"), (self.model, self.revision, label))
        if not rows:
            raise _gone(label)
        return _label(rows[0])

    def of(self, unit: Unit) -> tuple[Label, ...]:
        """A unit's labels, the one people agree with most first."""
        query = _CURRENT.format("AND layer = ? AND unit = ?")
        return tuple(map(_label, self.database.read(query, (self.model, self.revision, unit.layer, unit.index))))

    def all(self) -> tuple[Label, ...]:
        """All labels of the model, the ones people agree with most first."""
        return tuple(map(_label, self.database.read(_CURRENT.format(""), (self.model, self.revision))))

    def best(self) -> dict[Unit, Label]:
        """For each labelled unit the label that stands first."""
        return {label.unit: label for label in reversed(self.all())}

    def state(self) -> str:
        """A short text that differs once any label of the model has changed: part of questions about labels."""
        query = """
            SELECT count(*) AS labels, total(labels.version) AS versions, (
                SELECT count(*) FROM label_versions JOIN labels ON id = label WHERE model = ? AND revision = ?
            ) AS written FROM labels WHERE model = ? AND revision = ?
        """
        row = self.database.read(query, (self.model, self.revision) * 2)[0]
        return f"{row['labels']}.{row['written']}.{row['versions']:.0f}"

    def _insert(self, connection: sqlite3.Connection, unit: Unit, author: str, source: Source, method: str) -> str:
        query = "SELECT count(*) FROM labels WHERE model = ? AND revision = ? AND layer = ? AND unit = ? AND version > 0"
        count = connection.execute(query, (self.model, self.revision, unit.layer, unit.index)).fetchone()[0]
        if count >= limits.LABELS_OF_UNIT:
            raise LabelError(f"{unit.text} has {count} labels; the limit is {limits.LABELS_OF_UNIT}. Edit one of them.")
        name = secrets.token_urlsafe(9)
        connection.execute(
            "INSERT INTO labels VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (name, self.model, self.revision, unit.layer, unit.index, author, source, method, time.time()),
        )
        return name

    def _machine_label(self, connection: sqlite3.Connection, unit: Unit, method: str) -> str | None:
        query = "SELECT id FROM labels WHERE model = ? AND revision = ? AND layer = ? AND unit = ? AND method = ? AND source = ?"
        values = (self.model, self.revision, unit.layer, unit.index, method, "machine")
        row = connection.execute(query, values).fetchone()
        return row["id"] if row else None

    @staticmethod
    def _version(connection: sqlite3.Connection, label: str) -> sqlite3.Row | None:
        query = (
            "SELECT label_versions.* FROM label_versions JOIN labels ON id = label AND labels.version = label_versions.version"
        )
        row: sqlite3.Row | None = connection.execute(f"{query} WHERE id = ?", (label,)).fetchone()
        return row

    @staticmethod
    def _write(connection: sqlite3.Connection, label: str, text: str, rule: str, author: str) -> None:
        query = (
            "INSERT INTO label_versions SELECT id, "
            "(SELECT coalesce(max(version), 0) + 1 FROM label_versions WHERE label = id), version, ?, ?, ?, ? "
            "FROM labels WHERE id = ?"
        )
        connection.execute(query, (text, rule, author, time.time(), label))
        query = "UPDATE labels SET version = (SELECT max(version) FROM label_versions WHERE label = id) WHERE id = ?"
        connection.execute(query, (label,))

    def _owned(self, connection: sqlite3.Connection, label: str) -> None:
        query = "SELECT 1 FROM labels WHERE id = ? AND model = ? AND revision = ?"
        if not connection.execute(query, (label, self.model, self.revision)).fetchone():
            raise _gone(label)


def _label(row: sqlite3.Row) -> Label:
    same = {key: row[key] for key in ("id", "text", "rule", "author", "source", "method", "created", "written", "version")}
    test = json.loads(row["test"]) if row["test"] else {}
    return Label(unit=Unit(row["layer"], row["unit"]), agree=row["agree"], disagree=row["disagree"], test=test, **same)


def _gone(label: str) -> LabelGone:
    shown = "".join(letter for letter in label[:12] if letter.isprintable())
    return LabelGone(f"The label {shown} is not on this machine: it was withdrawn, or written elsewhere.")
