"""Journeys through the saliency page in a real browser on a real server, nothing patched; each leaves screenshots."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from backend import places
from tests.browser import pictures
from tests.browser.conftest import Serve
from tests.browser.test_live_figure import RANGE, WATCH, _drag

SECONDS = 90  # the machine may be busy
MAP = re.compile(r" map for ")
# At /saliency Streamlit looks for its server under /saliency/ first and then at the root; Chromium prints the first answer.
ALLOWED_404 = ("/saliency/_stcore/health", "/saliency/_stcore/host-config")
WATCH_MAPS = WATCH.replace('".js-plotly-plot"', "\".js-plotly-plot[aria-label*=' map for ']\"")
# The page polls while anything moves; one that ran no script for a second (the sidebar's look at the queue aside) is done.
QUIET = """
() => new Promise((done) => {
  const app = document.querySelector("[data-testid=stApp]");
  const running = () => app.getAttribute("data-test-script-state") === "running";
  let since = performance.now();
  new MutationObserver(() => { since = performance.now(); }).observe(app, { attributes: true });
  const look = () => !running() && performance.now() - since > 1000 ? done() : setTimeout(look, 50);
  look();
})
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as after set-up: the weights and nothing else."""
    fresh = tmp_path_factory.mktemp("fresh")
    (fresh / "models").symlink_to(places.models(), target_is_directory=True)
    return fresh


@pytest.fixture(scope="module")
def address(serve: Serve, home: Path) -> str:
    """The server that the journeys share."""
    return serve("app.py", VITRINE_HOME=str(home))


@pytest.fixture
def shoot(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> pictures.Picture:
    """Take a named screenshot of a page."""
    place = pictures.folder(tmp_path_factory)
    return lambda page, name, **how: pictures.take(page, place / f"{name}.png", **how)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A light browser, 1440 px wide; whatever is printed as an error in any of its pages fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    yield from _watched(context)


def _watched(context: BrowserContext) -> Iterator[BrowserContext]:
    context.set_default_timeout(SECONDS * 1000)
    expect.set_options(timeout=SECONDS * 1000)
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.location["url"].endswith(ALLOWED_404):
            errors.append(f"{message.text[:500]} at {message.location['url']}")

    context.on("console", note)
    context.on("weberror", lambda error: errors.append(str(error.error)[:500]))
    yield context
    context.close()
    assert not errors


def _visit(context: BrowserContext, address: str, **link: str) -> Page:
    """Open the page at a link and wait until it asks its question."""
    page = context.new_page()
    parts = "&".join(f"{name}={value}" for name, value in link.items())
    page.goto(f"{address}/saliency?{parts}" if link else address, wait_until="commit")
    expect(page.get_by_role("heading", name="Why ")).to_be_visible()
    return page


def _map(page: Page, method: str) -> Locator:
    return page.get_by_role("img", name=re.compile(f"^{re.escape(method)} map for "))


def _button(page: Page, label: str) -> Locator:
    """A button of the page itself: Streamlit's header has a Stop of its own while a slow script runs."""
    return page.get_by_test_id("stMain").get_by_role("button", name=label, exact=True)


def _finished(page: Page, maps: int) -> None:
    """Wait until so many maps are drawn and all work is done, checks too."""
    expect(page.get_by_role("img", name=MAP)).to_have_count(maps)
    expect(_button(page, "Stop")).to_have_count(0)
    page.evaluate(QUIET)
    expect(page.get_by_role("img", name="Dots for")).to_be_visible()
    expect(page.get_by_text(re.compile("Measuring…|Checks follow|still being measured"))).to_have_count(0)


def _no_sideways_scrolling(page: Page) -> None:
    wide = "main => [main.scrollWidth - main.clientWidth, document.documentElement.scrollWidth - innerWidth]"
    assert max(page.get_by_test_id("stMain").evaluate(wide)) <= 0


def test_first_visit_on_a_fresh_machine_explains_a_photo_and_checks_the_maps(
    context: BrowserContext, address: str, shoot: pictures.Picture
) -> None:
    page = _visit(context, address)
    shoot(page, "first-visit-running")
    _finished(page, 4)
    expect(page).to_have_url(re.compile("/saliency"))
    expect(page.get_by_role("heading", name="Can you trust these maps?")).to_be_visible()
    expect(page.get_by_role("img", name="Dots for")).to_be_visible()
    expect(page.get_by_role("img", name="Insertion curves")).to_be_visible()
    expect(page.get_by_role("heading", name="Grad-CAM at every layer")).to_be_visible()
    _no_sideways_scrolling(page)
    shoot(page, "first-visit-done", whole=True)


def test_what_is_exported_holds_every_map_on_screen(context: BrowserContext, address: str, shoot: pictures.Picture) -> None:
    page = _visit(context, address, methods="gradient,grad_cam", erase="blur~erase~b60_60_150_150")
    _finished(page, 4)
    page.get_by_role("button", name="Export").click()
    shoot(page, "export")
    files = {}
    for label in ("Pictures, PNG", "Numbers, NPZ", "Settings and findings, JSON"):
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        files[label] = Path(download.value.path()).read_bytes()
    names = {f"{row}-{method}" for row in ("photo", "beside") for method in ("gradient", "grad_cam")}
    with zipfile.ZipFile(io.BytesIO(files["Pictures, PNG"])) as archive:
        assert {f"{name}.png" for name in names | {"photo", "beside"}} == set(archive.namelist())
        assert Picture.open(io.BytesIO(archive.read("photo-grad_cam.png"))).size == (224, 224)
    arrays = np.load(io.BytesIO(files["Numbers, NPZ"]), allow_pickle=False)
    assert {name.replace("-", "/") for name in names} | {"photo/frame", "beside/frame"} == set(arrays.files)
    assert arrays["photo/gradient"].shape == (3, 224, 224)
    assert arrays["photo/frame"].dtype == np.uint8
    told = json.loads(files["Settings and findings, JSON"], parse_constant=pytest.fail)
    assert [run["question"]["method"] for run in told["runs"]].count("gradient") == 2
    assert told["link"].startswith(f"{address}/saliency?")
    assert any(finding["check"] == "insertion_deletion" for run in told["runs"] for finding in run["findings"])


def test_an_uploaded_photo_is_explained_and_a_bad_one_leaves_it_there(
    context: BrowserContext, address: str, shoot: pictures.Picture, tmp_path: Path
) -> None:
    page = _visit(context, address, methods="gradient,grad_cam")
    page.get_by_role("button", name="Change photo").click()
    expect(page.get_by_role("button", name="espresso")).to_be_visible()
    shoot(page, "gallery")
    page.get_by_role("radio", name="Upload").or_(page.get_by_role("button", name="Upload", exact=True)).first.click()
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.png"
    Picture.effect_mandelbrot((320, 240), (-2, -1.2, 1, 1.2), 90).convert("RGB").save(good)
    bad.write_text("this is no picture")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(good)
    expect(page.get_by_text("good.jpg is open below")).to_be_visible()
    expect(page.get_by_role("img", name="Your photo, as the model sees it").first).to_be_visible()
    _finished(page, 2)
    shoot(page, "uploaded")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(bad)
    expect(page.get_by_text("bad.png was not opened")).to_be_visible()
    expect(page.get_by_role("img", name="over Your photo")).to_have_count(2)
    shoot(page, "upload-refused")


def test_four_methods_stream_without_a_blank_frame_and_zoom_survives(
    context: BrowserContext, address: str, shoot: pictures.Picture
) -> None:
    page = _visit(
        context, address, photo="motorcycle", methods="rise,integrated_gradients,smoothgrad,grad_cam",
        **{"rise.masks": "2000", "smoothgrad.samples": "64"},
    )  # fmt: skip
    expect(page.get_by_role("img", name=MAP)).to_have_count(4)
    zoomed = _zoom(page, "RISE")
    before = _draws(page, "RISE")
    shoot(page, "comparing-four")
    seen = page.evaluate(WATCH_MAPS, 3)
    print(f"\nRISE redrawn {seen['hertz'][0]:.1f} times a second while four methods run")
    assert seen["blank"] == 0
    assert seen["same"]
    assert _draws(page, "RISE") > before
    assert _map(page, "RISE").evaluate(RANGE) == zoomed
    _button(page, "Stop").click()
    expect(page.get_by_text("Stopped at").first).to_be_visible()
    assert _map(page, "RISE").evaluate(RANGE) == zoomed


def test_zoom_survives_the_end_of_a_run_its_checks_and_the_gallery(context: BrowserContext, address: str) -> None:
    page = _visit(context, address, photo="wheel", methods="rise", **{"rise.masks": "300"})
    zoomed = _zoom(page, "RISE")
    _finished(page, 1)
    assert _map(page, "RISE").evaluate(RANGE) == zoomed
    page.get_by_text("16 px", exact=True).click()
    expect(page).to_have_url(re.compile("grain=16"))
    assert _map(page, "RISE").evaluate(RANGE) == zoomed
    page.get_by_role("button", name="Change photo").click()
    expect(page.get_by_text("Samples", exact=True)).to_be_visible()
    page.evaluate(QUIET)
    assert _map(page, "RISE").evaluate(RANGE) == zoomed


def _zoom(page: Page, method: str) -> list[float]:
    """Zoom into a map by dragging over it; the range it shows then."""
    figure = _map(page, method)
    whole = figure.evaluate(RANGE)
    _drag(page, figure, (0.2, 0.2), (0.6, 0.6))
    page.wait_for_function(f"([node, whole]) => ({RANGE})(node)[1] < whole[1]", arg=[figure.element_handle(), whole])
    zoomed: list[float] = figure.evaluate(RANGE)
    return zoomed


def _draws(page: Page, method: str) -> int:
    return int(_map(page, method).get_attribute("data-draws") or 0)


def test_stop_keeps_the_partial_map_and_finish_goes_on(context: BrowserContext, address: str, shoot: pictures.Picture) -> None:
    page = _visit(context, address, photo="rocket", methods="rise", **{"rise.masks": "600"})
    expect(_map(page, "RISE")).to_be_visible()
    _button(page, "Stop").click()
    stopped = re.compile("Stopped at [0-9]+ of 600")
    expect(page.get_by_text(stopped)).to_be_visible()
    expect(_map(page, "RISE")).to_be_visible()
    expect(_button(page, "Run")).to_be_enabled()
    shoot(page, "stopped")
    shown = int(page.get_by_text(stopped).inner_text().split(" of ")[0].split()[-1])
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_text("Stopped at")).to_have_count(0)
    assert _masks_done(page, 600) >= shown
    _finished(page, 1)
    expect(page.get_by_text(re.compile("^600 masks"))).to_be_visible()


def test_a_region_drawn_by_hand_is_erased_and_the_prediction_moves(
    context: BrowserContext, address: str, shoot: pictures.Picture
) -> None:
    page = _visit(context, address, photo="coffee", methods="gradient,grad_cam")
    _finished(page, 2)
    erase = page.get_by_role("button", name="Erase it")
    expect(erase).to_be_disabled()
    canvas = page.get_by_role("img", name="The photo, to draw a region on")
    canvas.scroll_into_view_if_needed()
    plot = page.locator(".js-plotly-plot").last
    _drag(page, plot, (0.2, 0.2), (0.8, 0.8))
    expect(erase).to_be_enabled()
    shoot(page, "region-drawn")
    erase.click()
    expect(page.get_by_text(re.compile(r"goes from 0\.\d\d to 0\.\d\d"))).to_be_visible()
    _finished(page, 4)
    expect(page.get_by_role("img", name="over The region erased")).to_have_count(2)
    assert "erase=blur" in page.url
    shoot(page, "region-erased", whole=True)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("img", name=MAP)).to_have_count(2)


def test_a_stroke_can_be_kept_instead(context: BrowserContext, address: str, shoot: pictures.Picture) -> None:
    page = _visit(context, address, model="digits-cnn", methods="gradient")
    _finished(page, 1)
    page.get_by_text("Brush", exact=True).click()
    plot = page.locator(".js-plotly-plot").last
    page.wait_for_function("node => node._fullLayout.dragmode === 'drawopenpath'", arg=plot.element_handle())
    plot.scroll_into_view_if_needed()
    _drag(page, plot, (0.5, 0.1), (0.5, 0.9))
    page.get_by_role("button", name="Keep only it").click()
    _finished(page, 2)
    expect(page.get_by_role("img", name="over Only the region kept")).to_have_count(1)
    shoot(page, "digit-kept", whole=True)


def test_a_reload_in_the_middle_of_a_run_goes_on(context: BrowserContext, address: str, shoot: pictures.Picture) -> None:
    page = _visit(context, address, photo="pavilion", methods="rise", **{"rise.masks": "800"})
    expect(page.get_by_text(re.compile("[0-9]+ of 800 masks"))).to_be_visible()
    done = _masks_done(page, 800)
    page.reload(wait_until="commit")
    expect(page.get_by_text(re.compile("[0-9]+ of 800 masks"))).to_be_visible()
    assert _masks_done(page, 800) >= done
    shoot(page, "reloaded")
    _button(page, "Stop").click()
    expect(page.get_by_text("Stopped at")).to_be_visible()


def _masks_done(page: Page, total: int) -> int:
    """What the map's caption says, "47 of 800 masks" or "800 masks"."""
    text = page.get_by_text(re.compile(rf"^(\d+ of )?{total} masks")).inner_text()
    return int(text.split()[0])


def test_a_deep_link_opens_on_a_fresh_server(context: BrowserContext, serve: Serve, home: Path, shoot: pictures.Picture) -> None:
    fresh = serve("app.py", VITRINE_HOME=str(home))
    link = {"photo": "coffee", "explain": "504", "against": "967", "methods": "gradient,rise", "rise.masks": "100", "look": "map"}
    page = _visit(context, fresh, **link)
    _finished(page, 2)
    expect(page.get_by_role("heading", name="Why coffee mug and not espresso?")).to_be_visible()
    expect(_map(page, "RISE")).to_be_visible()
    assert all(f"{name}={value}" in page.url.replace("%2C", ",") for name, value in link.items())
    shoot(page, "deep-link")


def test_a_narrow_screen_shows_cards_two_by_two_and_nothing_sideways(
    browser: Browser, address: str, shoot: pictures.Picture
) -> None:
    for context in _watched(browser.new_context(viewport={"width": 800, "height": 900}, color_scheme="light")):
        page = _visit(context, address)
        _finished(page, 4)
        boxes = [box for figure in page.get_by_role("img", name=MAP).all() if (box := figure.bounding_box())]
        rows = sorted({round(box["y"] / 10) for box in boxes})
        assert len(boxes) == 4
        assert len(rows) == 2
        assert min(box["width"] for box in boxes) > 180
        for pill in page.get_by_role("toolbar", name="Methods").get_by_role("button").all():
            place = pill.bounding_box()
            assert place is not None
            assert place["x"] + place["width"] <= 800, pill.inner_text()
        _no_sideways_scrolling(page)
        shoot(page, "narrow", whole=True)


def test_dark_theme(browser: Browser, address: str, shoot: pictures.Picture) -> None:
    for context in _watched(browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")):
        page = _visit(context, address)
        _finished(page, 4)
        ground = page.get_by_test_id("stApp").evaluate("node => getComputedStyle(node).backgroundColor")
        assert ground == "rgb(18, 22, 21)"
        colours = page.locator(".js-plotly-plot").first.evaluate("node => node._fullLayout.font.color")
        assert colours.upper() == "#E6ECEA"
        shoot(page, "dark", whole=True)


def test_the_keyboard_reaches_methods_and_run_with_a_visible_focus(
    context: BrowserContext, address: str, shoot: pictures.Picture
) -> None:
    page = _visit(context, address, photo="flower", methods="gradient", **{"rise.masks": "8000"})
    _finished(page, 1)
    page.get_by_role("button", name="Change photo").focus()
    _tab_to(page, "Grad-CAM")  # one stop for the row of pills; arrows go along it
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert page.evaluate(FOCUSED) == "RISE"
    assert _focus_shows(page)
    shoot(page, "keyboard")
    page.keyboard.press("Space")
    expect(page.get_by_text(re.compile("Press Run: 8,001 passes"))).to_be_visible()
    _tab_to(page, "Run")
    assert _focus_shows(page)
    page.keyboard.press("Enter")
    expect(_button(page, "Stop")).to_be_visible()
    expect(_map(page, "RISE")).to_be_visible()
    page.get_by_role("button", name="Settings").focus()
    _tab_to(page, "Stop")
    assert _focus_shows(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Stopped at")).to_be_visible()


FOCUSED = "() => document.activeElement.innerText.trim().split('\\n').pop()"
LOOK = """
() => {
  const style = getComputedStyle(document.activeElement);
  return [style.outlineStyle, style.outlineWidth, style.boxShadow].join(" ");
}
"""


def _tab_to(page: Page, label: str, most: int = 40) -> None:
    """Press Tab until the element that reads so has the focus."""
    met = []
    for _ in range(most):
        page.keyboard.press("Tab")
        met.append(page.evaluate(FOCUSED)[-30:])
        if met[-1] == label:
            return
    raise AssertionError(f"Tab does not reach {label!r}; it reaches {met}")


def _focus_shows(page: Page) -> bool:
    """Whether the focused element has an outline or a shadow around it."""
    style, width, *shadow = page.evaluate(LOOK).split(" ", 2)
    return (style != "none" and width != "0px") or (bool(shadow) and shadow[0] != "none")


def test_the_other_pages_are_honest_rooms_that_lead_back(context: BrowserContext, address: str, shoot: pictures.Picture) -> None:
    page = _visit(context, address, model="digits-cnn", methods="gradient")
    for name in ("Circuits", "Steering"):
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
        expect(page.get_by_text("Not built yet")).to_be_visible()
        shoot(page, f"room-{name.lower()}")
    page.get_by_role("link", name="To image saliency").click()
    expect(page.get_by_role("heading", name="Why ")).to_be_visible()
    expect(page.get_by_role("img", name="Gradient map for")).to_have_count(1)
