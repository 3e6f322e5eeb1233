"""What a visitor of the real page waits for, measured in Chromium: `python -m tests.benchmarks.browser`."""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, ViewportSize, sync_playwright

from backend import places
from components.start import ENVIRONMENT
from tests.benchmarks.figures import Figure, latency, table, write
from tests.browser.conftest import chromium, wait_for_run
from tests.browser.test_live_figure import RANGE, _drag
from tests.server import start, wait_until_up

PHOTOS = ("motorcycle", "coffee", "rocket")
TARGETS = 4
PATIENCE = 180_000.0  # ms; the machine may be busy
WIDE: ViewportSize = {"width": 1440, "height": 900}
MAPS = ".js-plotly-plot[data-draws][aria-label*=' map for ']"
LABELS = f'() => [...document.querySelectorAll("{MAPS}")].map((map) => map.getAttribute("aria-label"))'
EXPLAINED = f"""
(maps) => document.querySelectorAll("{MAPS}").length === maps
  && [...document.querySelectorAll("[data-testid=stMain] button")].every((button) => !/Stop$/.test(button.innerText.trim()))
"""
# Seconds from the next press of the mouse until a map that is not among `known` has been drawn.
FROM_PRESS = """
(known) => { window.waited = new Promise((resolve) => {
  let pressed = null, named = new Map();
  addEventListener("pointerdown", () => { pressed = performance.now(); }, { capture: true, once: true });
  const look = () => {
    for (const map of document.querySelectorAll(".js-plotly-plot[aria-label*=' map for ']")) {
      const label = map.getAttribute("aria-label"), draws = Number(map.dataset.draws ?? 0);
      if (known.includes(label)) continue;
      if (!named.has(label)) named.set(label, draws);
      if (pressed && draws > 0 && (draws > named.get(label) || named.get(label) === 1)) {
        resolve((performance.now() - pressed) / 1000);
        return;
      }
    }
    requestAnimationFrame(look);
  };
  look();
}); }
"""
# For each map on screen: redraws and changes of its values a second; and frames in which any of them was not whole.
WATCH = """
(seconds) => new Promise((resolve) => {
  const maps = [...document.querySelectorAll(".js-plotly-plot[aria-label*=' map for ']")];
  const values = (map) => String(map.data[0].z.bdata ?? map.data[0].z);
  const drawn = (map) => Number(map.dataset.draws);
  const seen = maps.map((map) => ({ draws: drawn(map), last: drawn(map), z: values(map), changes: 0 }));
  const picture = (map) => map.querySelector(".heatmaplayer image")?.href.baseVal;
  const whole = (map) => map.isConnected && picture(map) && map.querySelector(".colorbar");
  const began = performance.now();
  let frames = 0, blank = 0;
  const look = () => {
    frames += 1;
    if (!maps.every(whole)) blank += 1;
    maps.forEach((map, index) => {
      const one = seen[index], draws = drawn(map);
      if (draws === one.last) return;
      one.last = draws;
      const now = values(map);
      if (now !== one.z) { one.z = now; one.changes += 1; }
    });
    const passed = (performance.now() - began) / 1000;
    if (passed < seconds) return void requestAnimationFrame(look);
    resolve({ blank, frames: frames / passed, redraws: seen.map((one) => (one.last - one.draws) / passed),
              changes: seen.map((one) => one.changes / passed) });
  };
  requestAnimationFrame(look);
})
"""


def main() -> int:
    """Measure, print, write the JSON; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=9, help="starts of a fresh server")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    figures: list[Figure] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for figure in itertools.chain(_starts(browser, chosen.repetitions), _one_server(browser)):
            figures.append(figure)
            print(table([figure]).split("\n", 1)[1], flush=True)
        browser.close()
    print("\n" + table(figures))
    if chosen.json:
        write(figures, chosen.json, repetitions=chosen.repetitions)
    return int(any(figure.state == "missed" for figure in figures))


@contextmanager
def _server() -> Iterator[str]:
    """A fresh server as `make run` starts it, with the weights there and nothing else in its home."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(places.models(), target_is_directory=True)
        log = Path(folder) / "log.txt"
        process, address = start("app.py", log, ENVIRONMENT | {"VITRINE_HOME": folder})
        try:
            wait_until_up(process, address, log)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


@contextmanager
def _page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=WIDE, color_scheme="light")
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def _starts(browser: Browser, repetitions: int) -> Iterator[Figure]:
    """A start that is not the machine's first: one that does not count warms the disk's cache."""
    chrome, explained, up = [], [], []
    for number in range(repetitions + 1):
        began = time.perf_counter()
        with _server() as address, _page(browser) as page:
            began, ready = time.perf_counter(), time.perf_counter() - began
            page.goto(address, wait_until="commit")
            page.locator("[data-testid=stSidebar] [data-testid=stSelectbox]").wait_for()
            page.get_by_role("heading", level=2).first.wait_for()
            header = time.perf_counter() - began
            page.wait_for_function(EXPLAINED, arg=4, polling=20)
            if number:
                up.append(ready)
                chrome.append(header)
                explained.append(time.perf_counter() - began)
    yield latency("fresh server: command to address", up, None)
    yield latency("fresh server: navigation to chrome", chrome, 3000, "heading and the sidebar's model visible")
    yield latency(
        "fresh server: navigation to the first photo explained", explained, 10_000, "all four maps finished, empty history"
    )


def _one_server(browser: Browser) -> Iterator[Figure]:
    with _server() as address:
        with _page(browser) as page:
            waits = [wait for photo in PHOTOS for wait in _targets(page, address, photo)]
            yield latency("click on a class to its first map", waits, 1000, "four methods ask at once")
        with _page(browser) as page:
            yield latency(
                "click on Run to the first map", [_run(page, address, photo) for photo in PHOTOS for _ in range(3)], 1000, "RISE"
            )
        for methods in (("rise",), ("rise", "integrated_gradients", "smoothgrad", "grad_cam")):
            with _page(browser) as page:
                yield from _live(page, address, methods)


def _open(page: Page, address: str, photo: str, methods: str, more: str = "") -> None:
    page.goto(f"{address}/saliency?photo={photo}&methods={methods}{more}", wait_until="commit")
    page.wait_for_function(f'() => document.querySelectorAll("{MAPS}").length > 0')


def _targets(page: Page, address: str, photo: str) -> Iterator[float]:
    methods = "grad_cam,integrated_gradients,occlusion,gradient"
    _open(page, address, photo, methods)
    page.wait_for_function(EXPLAINED, arg=4, polling=50)
    for number in range(1, 1 + TARGETS):
        wait_for_run(page, 60)
        page.locator(".st-key-sal_explain input").click()
        option = page.get_by_role("option").nth(number)
        option.wait_for()
        page.evaluate(FROM_PRESS, page.evaluate(LABELS))
        option.click()
        yield page.evaluate("() => window.waited")
        page.wait_for_function(EXPLAINED, arg=4, polling=50)


def _run(page: Page, address: str, photo: str) -> float:
    """A method chosen by its pill and started by Run, with a number of masks of its own so that nothing is cached; then Stop."""
    masks = 1000 + 50 * next(_numbers)
    _open(page, address, photo, "gradient", f"&rise.masks={masks}")
    wait_for_run(page, 60)
    known = page.evaluate(LABELS)
    page.get_by_test_id("stMain").get_by_role("button", name="RISE", exact=True).click()
    page.get_by_text("Press Run:").wait_for()
    wait_for_run(page, 60)
    page.evaluate(FROM_PRESS, known)
    page.get_by_role("button", name="Run", exact=True).click()
    waited = float(page.evaluate("() => window.waited"))
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for_run(page, 60)
    return waited


_numbers = itertools.count(1)


def _live(page: Page, address: str, methods: tuple[str, ...], seconds: int = 8) -> Iterator[Figure]:
    long = f"&rise.masks={6000 + 50 * len(methods)}&smoothgrad.samples=256"
    _open(
        page, address, "pavilion", ",".join(methods), f"{long}&integrated_gradients.rule=midpoint&integrated_gradients.steps=256"
    )
    page.wait_for_function(f'(count) => document.querySelectorAll("{MAPS}").length === count', arg=len(methods))
    figure = page.get_by_role("img", name="RISE map for")
    zoomed = _zoom(page, figure)
    seen = page.evaluate(WATCH, seconds)
    kept = figure.evaluate(RANGE) == zoomed
    labels = [label.split(" map for ")[0] for label in page.evaluate(LABELS)]
    page.get_by_role("button", name="Stop", exact=True).click()
    rise = labels.index("RISE")
    rates = zip(labels, seen["redraws"], seen["changes"], strict=True)
    said = ", ".join(f"{label} {redraws:.1f} redraws and {changes:.1f} new values a second" for label, redraws, changes in rates)
    name = f"{len(methods)} live map{'s' if len(methods) > 1 else ''}"
    yield Figure(
        f"{name}: new values of RISE a second",
        seen["changes"][rise],
        "Hz",
        "at least",
        2 if len(methods) == 1 else None,
        note=f"{said}; {seen['frames']:.0f} frames a second",
    )
    yield Figure(f"{name}: blank frames", seen["blank"], "frames", "at most", 0, note=f"in {seconds} s")
    yield Figure(f"{name}: zoom kept", float(kept), "of 1", "at least", 1, note=f"range {zoomed}")


def _zoom(page: Page, figure: Locator) -> list[float]:
    whole = figure.evaluate(RANGE)
    _drag(page, figure, (0.2, 0.2), (0.6, 0.6))
    page.wait_for_function(f"([node, whole]) => ({RANGE})(node)[1] < whole[1]", arg=[figure.element_handle(), whole])
    zoomed: list[float] = figure.evaluate(RANGE)
    return zoomed


if __name__ == "__main__":
    raise SystemExit(main())
