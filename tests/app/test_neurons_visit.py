"""The neuron page's first visit and its links, with the real engine."""

from __future__ import annotations

from tests.app.visit import Visit


def test_the_page_asks_which_units_do_what() -> None:
    visit = Visit("neurons", model="digits-cnn").settle()
    assert visit.title == "Which units do what?"
    assert not visit.problems
