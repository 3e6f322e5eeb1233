"""What people answered when they were shown samples and asked whether a label fits."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from backend.store.database import Database, database
from backend.store.label_words import checked_author
from backend.store.labels import Label


@dataclass(frozen=True)
class Rating:
    """One answer. item: the sample's number in its corpus. drawn: name of the draw it was shown for. value: the unit's activation
    there. weight: for how much of the corpus it stands, against chance. answer: whether the label fits."""

    item: int
    rater: str
    drawn: str
    value: float
    weight: float
    answer: bool


class Ratings:
    """The ratings of one version of a label: another version of the words is another question."""

    def __init__(self, label: Label, at: Database | None = None) -> None:
        self.label = label
        self.database = at or database()

    def keep(self, rating: Rating) -> None:
        """Keep an answer; the same rater's later answer about the sample takes its place. Raises LabelError, StoreError."""
        values = (
            self.label.id, self.label.version, rating.item, checked_author(rating.rater), rating.drawn, rating.value,
            rating.weight, int(rating.answer), time.time(),
        )  # fmt: skip
        with self.database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO label_ratings (label, version, item, rater, corpus, value, weight, answer, written) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )

    def all(self, drawn: str) -> tuple[Rating, ...]:
        """The answers about the samples of one draw, oldest first."""
        query = "SELECT * FROM label_ratings WHERE label = ? AND version = ? AND corpus = ? ORDER BY written, item"
        rows = self.database.read(query, (self.label.id, self.label.version, drawn))
        return tuple(
            Rating(row["item"], row["rater"], row["corpus"], row["value"], row["weight"], bool(row["answer"])) for row in rows
        )


def by_rater(ratings: Iterable[Rating]) -> dict[str, dict[int, bool]]:
    """By rater, by item, the answer."""
    found: dict[str, dict[int, bool]] = {}
    for rating in ratings:
        found.setdefault(rating.rater, {})[rating.item] = rating.answer
    return found
