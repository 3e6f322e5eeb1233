"""From a photo to a unit and back to the answer, in a real browser on a real server, nothing patched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from backend import places
from tests.browser import pictures
from tests.browser.conftest import Serve
from tests.browser.test_saliency_journeys import QUIET, SECONDS

MODEL = "digits-cnn"
REGION = "blur~erase~b2_1_6_7"  # the ink


@pytest.fixture(scope="module")
def address(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A server in a home as after set-up: the weights and nothing else."""
    fresh: Path = tmp_path_factory.mktemp("fresh")
    (fresh / "models").symlink_to(places.models(), target_is_directory=True)
    return serve("app.py", VITRINE_HOME=str(fresh))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A light window, 1440 px wide; an error of any script in it fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    context.set_default_timeout(SECONDS * 1000)
    expect.set_options(timeout=SECONDS * 1000)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)[:500]))
    yield context.new_page()
    context.close()
    assert not errors


def test_photo_to_region_to_channel_to_drawing_to_ablation_to_a_changed_answer(
    page: Page, address: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = pictures.folder(tmp_path_factory)
    page.goto(f"{address}/saliency?model={MODEL}&methods=gradient&erase={REGION}")
    expect(page.get_by_role("heading", name="Why ")).to_be_visible()
    page.get_by_role("button", name="Which units see this?").click()

    expect(page.get_by_role("heading", name="Which units do what?")).to_be_visible()
    opening = page.get_by_role("button", name=re.compile("^Open stage"))
    expect(opening).to_be_visible()
    pictures.take(page, folder / "neurons-region.png")
    unit = re.sub(r"^.*Open ", "", opening.inner_text().strip().splitlines()[-1])
    opening.click()

    expect(page.get_by_text("Read what drives it")).to_be_visible()
    layer, number = unit.split(" · channel ")
    assert f"unit={layer}" in page.url
    assert page.url.rstrip("/").split("unit=")[1].split("&")[0].endswith(number)

    page.get_by_role("button", name="Draw it", exact=True).click()
    expect(page.get_by_role("button", name="Stop", exact=True).first).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("drawn|picture", re.I)).first).to_be_visible()

    bars = page.get_by_role("img", name=re.compile("^Probabilities as they are and changed"))
    expect(bars).to_be_visible()
    said = re.compile(r"Switched off.*KL", re.S)
    expect(page.get_by_text(said).first).to_be_visible()
    before, after = _largest_change(bars.get_attribute("aria-label") or "")
    assert before != after
    # A picture that gives way while the browser asks for it is answered 404; none may stay broken once the page rests.
    page.evaluate(QUIET)
    broken = "() => [...document.images].filter((image) => image.complete && !image.naturalWidth).map((image) => image.alt)"
    assert page.evaluate(broken) == []
    pictures.take(page, folder / "neurons-card.png")


def _largest_change(words: str) -> tuple[float, float]:
    """Of "name 0.36 to 0.40; …" the pair that differs most."""
    pairs = [(float(was), float(now)) for was, now in re.findall(r" (\d\.\d+) to (\d\.\d+)", words)]
    assert pairs, words
    return max(pairs, key=lambda pair: abs(pair[1] - pair[0]))
