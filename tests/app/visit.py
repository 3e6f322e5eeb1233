"""A visitor of the app without a browser: opens a link, acts, waits for the engine, and reads what is on screen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element
from streamlit.util import calc_hash

from backend.engine import engine
from backend.engine.job import Snapshot

ROOT = Path(__file__).resolve().parents[2]
RUN_SECONDS = 60  # one script run
WORK_SECONDS = 120  # one answer of the engine, on a machine that is busy
MOST_RUNS = 60


def plain(markdown: str) -> str:
    """Markdown as it reads on screen: escapes, emphasis and icons gone."""
    text = re.sub(r":material/\w+:\s*", "", markdown)
    text = re.sub(r"(?<!\\)(\*\*|\*)", "", text)
    return re.sub(r"\\(.)", r"\1", text)


def _refuse(constant: str) -> float:
    raise AssertionError(f"a figure holds {constant}, which no browser can read")


@dataclass(frozen=True)
class Card:
    """One map's card: its texts in order, its figure where one is drawn, its buttons by label."""

    texts: tuple[str, ...]
    figure: dict[str, Any] | None
    buttons: dict[str, Any]

    def says(self, words: str) -> bool:
        """Whether the words stand somewhere in the card."""
        return any(words in text for text in self.texts)


class Visit:
    """One browser session. `Visit(photo="coffee")` is the link /saliency?photo=coffee, not yet opened."""

    def __init__(self, page: str = "saliency", **link: str) -> None:
        self.app = AppTest.from_file(str(ROOT / "app.py"))
        self.app._page_hash = calc_hash(page) if page else ""
        self.app.query_params.update(link)

    def run(self) -> Visit:
        """Run the script once."""
        self.app.run(timeout=RUN_SECONDS)
        assert not self.app.exception, self.app.exception[0].value
        return self

    def settle(self) -> Visit:
        """Run until the engine has answered all that the page asks, checks too, and the page has drawn it."""
        for _ in range(MOST_RUNS):
            before = self._final()
            self.run()
            if before and before == self._final():
                return self
            for name in self.asked():
                engine().wait_final(name, WORK_SECONDS)
        raise AssertionError(f"the page asks on and on: {[s.question.method for s in self.asked().values()]}")

    def _final(self) -> set[str]:
        """What was asked, where all of it is answered; empty otherwise."""
        asked = self.asked()
        return set(asked) if all(snapshot.final for snapshot in asked.values()) else set()

    def press(self, label: str) -> Visit:
        """Press the button that reads so, and run once."""
        self.button(label).click()
        return self.run()

    def asked(self) -> dict[str, Snapshot]:
        """Where this session's questions stand, by subscription."""
        names = self.app.session_state["asked"].values() if "asked" in self.app.session_state else ()
        found = {name: engine().look(name) for name in names}
        return {name: snapshot for name, snapshot in found.items() if snapshot is not None}

    def snapshot(self, method: str) -> tuple[str, Snapshot]:
        """The subscription to a method and where it stands."""
        return next((name, s) for name, s in self.asked().items() if s.question.method == method)

    @property
    def title(self) -> str:
        """The page's question."""
        return plain(self.app.header[0].value)

    @property
    def problems(self) -> list[str]:
        """Warnings and errors."""
        return [plain(box.value) for box in (*self.app.warning, *self.app.error)]

    @property
    def texts(self) -> list[str]:
        """Every written line of the page, as it reads."""
        return [plain(element.value) for element in _elements(self.app.main) if element.type in ("markdown", "caption")]

    @property
    def link(self) -> dict[str, str]:
        """The address' parts."""
        return {key: value[0] if isinstance(value, list) else value for key, value in self.app.query_params.items()}

    def figure(self, words: str) -> dict[str, Any]:
        """The live figure whose description begins with these words."""
        return next(figure for figure in self.figures() if figure["alt"].startswith(words))

    def figures(self) -> list[dict[str, Any]]:
        """All live figures."""
        return [_figure(element) for element in _elements(self.app.main) if element.type == "bidi_component"]

    def cards(self, row: str = "photo") -> dict[str, Card]:
        """The map cards of a row by method name."""
        found = {}
        for block in _blocks(self.app.main):
            name = re.search(rf"card_{row}_(\w+)$", getattr(block.proto, "id", ""))
            if name:
                inside = list(_elements(block))
                figures = [_figure(element) for element in inside if element.type == "bidi_component"]
                found[name[1]] = Card(
                    tuple(plain(element.value) for element in inside if element.type in ("markdown", "caption")),
                    figures[0] if figures else None,
                    {element.label: element for element in inside if element.type == "button"},
                )
        return found

    def button(self, label: str) -> Any:
        """The button whose label begins so."""
        there = [button for button in self.app.main.button if plain(button.label).startswith(label)]
        assert there, f"no button reads {label!r}; there are {[button.label for button in self.app.main.button]}"
        return there[0]

    def has_button(self, label: str) -> bool:
        """Whether a button's label begins so."""
        return any(plain(button.label).startswith(label) for button in self.app.main.button)

    def labelled(self, kind: str, label: str) -> Any:
        """The widget of a kind that carries this label."""
        return next(widget for widget in self.app.main.get(kind) if widget.label == label)


def _figure(element: Any) -> dict[str, Any]:
    figure: dict[str, Any] = json.loads(element.proto.json, parse_constant=_refuse)
    return figure


def _blocks(block: Block) -> Iterator[Block]:
    for child in block.children.values():
        if isinstance(child, Block):
            yield child
            yield from _blocks(child)


def _elements(block: Block) -> Iterator[Element]:
    for child in block.children.values():
        if isinstance(child, Block):
            yield from _elements(child)
        else:
            yield child
