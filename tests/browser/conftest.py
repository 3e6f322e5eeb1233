"""Browser tests: a real server on a free port, a real Chromium, and the ways to wait for both."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.server import start as start_server
from tests.server import wait_until_up

Serve = Callable[..., str]


def chromium() -> str:
    """The path of the system's Chromium. Raises AssertionError where there is none."""
    found = os.environ.get("VITRINE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert found, "no Chromium found: install the system's chromium package or set VITRINE_CHROMIUM to one"
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium of the system; VITRINE_CHROMIUM names another one."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh, light, 1440 px wide browser window."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start a script as a fresh server and return its address: `serve("app.py", VITRINE_MODELS="…")`."""
    running: list[subprocess.Popen[bytes]] = []

    def start(script: str, **environment: str) -> str:
        log = tmp_path_factory.mktemp("server") / "log.txt"
        process, address = start_server(script, log, environment)
        running.append(process)
        wait_until_up(process, address, log)
        return address

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def app(serve: Serve) -> str:
    """The address of the real app, one fresh server a test file."""
    return serve("app.py")


def wait_for_run(page: Page, seconds: float = 30) -> None:
    """Wait until the page is connected and no script is running."""
    root = page.get_by_test_id("stApp")
    expect(root).to_have_attribute("data-test-connection-state", "CONNECTED", timeout=seconds * 1000)
    expect(root).to_have_attribute("data-test-script-state", "notRunning", timeout=seconds * 1000)


def wait_for_figures(page: Page, count: int, seconds: float = 30) -> None:
    """Wait until exactly `count` live figures are drawn."""
    expect(page.locator(".js-plotly-plot[data-draws]")).to_have_count(count, timeout=seconds * 1000)
