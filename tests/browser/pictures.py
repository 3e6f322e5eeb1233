"""Screenshots of the journeys, for people to look at: kept in VITRINE_PICTURES where it is set, else in pytest's own folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

Picture = Callable[..., None]
TALL = 4000  # px; a page longer than this is cut


def folder(temporary: pytest.TempPathFactory) -> Path:
    """Where screenshots go."""
    named = os.environ.get("VITRINE_PICTURES")
    place = Path(named) if named else temporary.getbasetemp() / "pictures"
    place.mkdir(parents=True, exist_ok=True)
    return place


def take(page: Page, path: Path, *, whole: bool = False) -> None:
    """Save what is on screen; `whole`: the page to its end, which scrolls inside the window and so needs a taller one."""
    size = page.viewport_size
    assert size is not None
    if whole:
        height = page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
        page.set_viewport_size({"width": size["width"], "height": min(TALL, max(size["height"], height))})
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.screenshot(path=path)
    if whole:
        page.set_viewport_size(size)
