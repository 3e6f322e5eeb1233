"""A visitor of the neuron page: waits for the index, and reads the list of units."""

from __future__ import annotations

from typing import Any

from backend.engine import engine
from components import jobs
from tests.app.visit import WORK_SECONDS, Visit, plain


class Explorer(Visit):
    """One browser session on /neurons. `Explorer(model="digits-cnn")` is the link, not yet opened."""

    def __init__(self, **link: str) -> None:
        super().__init__("neurons", **link)

    def with_index(self) -> Explorer:
        """Run until the index is whole and drawn."""
        self.settle()
        for name in list(jobs._tended.values()):
            snapshot = engine().look(name)
            if snapshot is not None and snapshot.question.method == "neuron_index":
                done = engine().wait_final(name, 3 * WORK_SECONDS)
                assert done is not None
                assert done.state == "finished", done
        self.settle()
        return self

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The list of units, row by row."""
        (table,) = self.app.main.dataframe
        return table.value.to_dict("records")

    @property
    def units(self) -> list[str]:
        """The units listed, as they read."""
        return [row["Unit"] for row in self.rows] if self.app.main.dataframe else []

    @property
    def heading(self) -> str:
        """The line over the list."""
        return next(text for text in self.texts if " units" in text or "unit matches" in text)

    def choose(self, kind: str, label: str, value: Any) -> Explorer:
        """Set the widget of that label and run until all is answered."""
        self.labelled(kind, label).set_value(value)
        self.settle()
        return self

    def says(self, words: str) -> bool:
        """Whether the words stand somewhere on the page."""
        return any(words in text for text in (*self.texts, *self.problems, *(plain(box.value) for box in self.app.info)))


def stop_all_tended() -> None:
    """Stop what runs in the background, so that other tests have the engine for themselves."""
    for name in jobs._tended.values():
        engine().leave(name)
