"""The run history: which questions were asked, what came of them, and which of them an owner wants to keep."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from backend import limits, places
from backend.methods.encoding import decode, encode
from backend.methods.question import Image, Question, Runs
from backend.methods.steps import PassCount
from backend.store import arrays
from backend.store.database import Database, database
from backend.store.files import trim
from backend.version import code_version

State = Literal["finished", "stopped"]

LISTED = "SELECT * FROM runs JOIN questions USING (hash) "
KEPT = "SELECT hash FROM runs WHERE pinned UNION SELECT hash FROM study_runs"


class RunGone(LookupError):
    """A run that is not on this machine; the message is for the page."""


@dataclass(frozen=True)
class Run:
    """A run as the history lists it, without its arrays.

    content: hash of the photo it was asked of; None for checks and other runs without one.
    state, done, total: "stopped" at `done` of `total`, or "finished".
    recorded: when it was last asked for, in seconds since 1970.
    """

    hash: str
    method: str
    model: str
    content: str | None
    state: State
    done: int
    total: int
    seconds: float
    passes: PassCount
    recorded: float
    pinned: bool
    note: str
    body: str = field(repr=False)

    @property
    def question(self) -> Question:
        """The question. Raises ParameterError where its method or parameters exist no more."""
        return decode(json.loads(self.body))


class RunStore:
    """The runs of one owner. Who knows a run's hash may open it, as a link does; listing, pins and notes are the owner's."""

    def __init__(self, owner: str = "local", at: Database | None = None) -> None:
        self.owner = owner
        self.database = at or database()
        self._since_trim = limits.RUN_STORE_BYTES  # the first record looks once

    def record(self, question: Question, result: Any, *, state: str, done: int, total: int, seconds: float) -> None:
        """Keep a run under its question's hash; of the same code, a finished result stays, a stopped one gives way only to more.

        Raises StoreError where the disk does not take it; the history then is as it was.
        """
        name = question.hash
        if not self._stands(name, state, done):
            self._since_trim += arrays.save(name, result)
            passes = getattr(result, "passes", PassCount())
            outcome = (state, done, total, seconds, passes.forward, passes.backward)
        else:
            outcome = None
        with self.database.writing() as connection:
            if outcome:
                _write_question(connection, question, outcome)
            connection.execute(
                "INSERT INTO runs (owner, hash, recorded) VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET recorded = excluded.recorded",
                (self.owner, name, time.time()),
            )
        self._make_room(name)

    def recall(self, question: Question) -> Any | None:
        """The finished result of a question; None where there is none of this code, or it cannot be read."""
        rows = self.database.read("SELECT state, code FROM questions WHERE hash = ?", (question.hash,))
        if not rows or (rows[0]["state"], rows[0]["code"]) != ("finished", code_version()):
            return None
        try:
            return arrays.load(question.hash)
        except (arrays.ResultGone, arrays.ResultDamaged):
            return None

    def exists(self, name: str) -> bool:
        """Whether a run of that hash was recorded, by whomever."""
        return bool(self.database.read("SELECT 1 FROM questions WHERE hash = ?", (name,)))

    def question(self, name: str) -> Question:
        """The question of a run. Raises RunGone; ParameterError where its method or parameters exist no more."""
        rows = self.database.read("SELECT body FROM questions WHERE hash = ?", (name,))
        if not rows:
            raise _gone(name)
        return decode(json.loads(rows[0]["body"]))

    def result(self, name: str) -> Any:
        """What a run brought, finished or stopped. Raises RunGone where it is not stored, StoreError where it is damaged."""
        if not self.exists(name):
            raise _gone(name)
        try:
            return arrays.load(name)
        except arrays.ResultGone as error:
            raise RunGone("The result of this run was removed to make room. Its question is kept: run it again.") from error

    def run(self, name: str) -> Run:
        """The owner's run of that hash. Raises RunGone."""
        rows = self.database.read(f"{LISTED} WHERE owner = ? AND hash = ?", (self.owner, name))
        if not rows:
            raise _gone(name)
        return _run(rows[0])

    def history(self, limit: int = limits.HISTORY_LISTED, *, pinned: bool = False) -> tuple[Run, ...]:
        """The owner's runs, newest first; only the pinned ones where asked."""
        only = "AND pinned" if pinned else ""
        rows = self.database.read(f"{LISTED} WHERE owner = ? {only} ORDER BY recorded DESC LIMIT ?", (self.owner, limit))
        return tuple(map(_run, rows))

    def findings(self, name: str) -> tuple[Run, ...]:
        """The owner's checks of a run, oldest first."""
        rows = self.database.read(
            f"{LISTED} JOIN inspections ON finding = hash WHERE owner = ? AND run = ? ORDER BY recorded", (self.owner, name)
        )
        return tuple(map(_run, rows))

    def pin(self, name: str, pinned: bool = True) -> None:
        """Keep a run from being removed to make room, or let it go. Raises RunGone."""
        self._change("UPDATE runs SET pinned = ? WHERE owner = ? AND hash = ?", int(pinned), name)

    def note(self, name: str, text: str) -> None:
        """Write the owner's note on a run, cut at the limit. Raises RunGone."""
        self._change("UPDATE runs SET note = ? WHERE owner = ? AND hash = ?", text[: limits.NOTE_CHARACTERS], name)

    def delete(self, name: str) -> None:
        """Remove a run from the owner's history and studies; its result goes when no one else has it. Raises RunGone."""
        with self.database.writing() as connection:
            removed = connection.execute("DELETE FROM runs WHERE owner = ? AND hash = ?", (self.owner, name)).rowcount
            if not removed:
                raise _gone(name)
            connection.execute(
                "DELETE FROM study_runs WHERE hash = ? AND study IN (SELECT id FROM studies WHERE owner = ?)",
                (name, self.owner),
            )
            orphans = _drop_orphans(connection)
        for orphan in orphans:
            arrays.remove(orphan)

    def _change(self, statement: str, value: Any, name: str) -> None:
        with self.database.writing() as connection:
            if not connection.execute(statement, (value, self.owner, name)).rowcount:
                raise _gone(name)

    def _stands(self, name: str, state: str, done: int) -> bool:
        """Whether what is stored already is at least as good as a result of that state."""
        rows = self.database.read("SELECT state, done, code FROM questions WHERE hash = ?", (name,))
        if not rows or rows[0]["code"] != code_version() or not arrays.stored(name):
            return False
        return rows[0]["state"] == "finished" or (state == "stopped" and rows[0]["done"] >= done)

    def _make_room(self, newest: str) -> None:
        """Hold the owner's history and the folder of results to their limits; pins, notes and studies stay."""
        orphans: list[str] = []
        count = self.database.read("SELECT count(*) FROM runs WHERE owner = ?", (self.owner,))[0][0]
        if count > limits.RUNS_KEPT:
            with self.database.writing() as connection:
                connection.execute(
                    "DELETE FROM runs WHERE owner = ? AND hash IN (SELECT hash FROM runs WHERE owner = ? AND note = '' "
                    f"AND hash NOT IN ({KEPT}) ORDER BY recorded LIMIT ?)",
                    (self.owner, self.owner, count - limits.RUNS_KEPT),
                )
                orphans = _drop_orphans(connection)
        for orphan in orphans:
            arrays.remove(orphan)
        if self._since_trim >= limits.RUN_STORE_BYTES // 64:
            self._since_trim = 0
            kept = {row["hash"] for row in self.database.read(KEPT)} | {newest}
            trim(places.runs(), arrays.SUFFIX, limits.RUN_STORE_BYTES, kept)


def _write_question(connection: sqlite3.Connection, question: Question, outcome: tuple[Any, ...]) -> None:
    inputs = question.inputs
    content = inputs.content if isinstance(inputs, Image) else None
    connection.execute(
        "INSERT INTO questions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state, "
        "done = excluded.done, total = excluded.total, seconds = excluded.seconds, forward = excluded.forward, "
        "backward = excluded.backward, code = excluded.code",
        (question.hash, json.dumps(encode(question)), question.method, question.model.name, content, *outcome, code_version()),
    )
    if isinstance(inputs, Runs):
        pairs = [(question.hash, inspected.hash) for inspected in inputs.questions]
        connection.executemany("INSERT OR IGNORE INTO inspections VALUES (?, ?)", pairs)


def _drop_orphans(connection: sqlite3.Connection) -> list[str]:
    """Questions in no one's history and no study, removed; their hashes."""
    query = "SELECT hash FROM questions WHERE hash NOT IN (SELECT hash FROM runs) AND hash NOT IN (SELECT hash FROM study_runs)"
    orphans = [row["hash"] for row in connection.execute(query)]
    connection.executemany("DELETE FROM questions WHERE hash = ?", [(name,) for name in orphans])
    return orphans


def _run(row: sqlite3.Row) -> Run:
    return Run(
        hash=row["hash"], method=row["method"], model=row["model"], content=row["content"],
        state=row["state"], done=row["done"], total=row["total"], seconds=row["seconds"],
        passes=PassCount(row["forward"], row["backward"]),
        recorded=row["recorded"], pinned=bool(row["pinned"]), note=row["note"], body=row["body"],
    )  # fmt: skip


def _gone(name: str) -> RunGone:
    shown = "".join(letter for letter in name[:8] if letter.isprintable())
    return RunGone(
        f"The run this link names ({shown}…) is not on this machine: it was deleted, or made elsewhere. Ask its question again."
    )
