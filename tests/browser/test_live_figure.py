"""The live figure in a real browser: updates at 2 Hz or more, never blank, zoom and drawn shapes kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Serve, wait_for_figures, wait_for_run

SECONDS = 4

# Counts finished redraws per figure and, at every animation frame, figures without node, picture or colour bar.
WATCH = """
(seconds) => new Promise((resolve) => {
  const nodes = [...document.querySelectorAll(".js-plotly-plot")];
  const drawn = nodes.map((node) => Number(node.dataset.draws));
  let frames = 0, blank = 0;
  const start = performance.now();
  const look = () => {
    frames += 1;
    const whole = (node) => node.isConnected && node.querySelector(".heatmaplayer image")?.href.baseVal
      && node.querySelector(".imagelayer image")?.href.baseVal && node.querySelector(".colorbar");
    if (!nodes.every(whole)) blank += 1;
    const passed = (performance.now() - start) / 1000;
    if (passed < seconds) requestAnimationFrame(look);
    else resolve({ blank, frames: frames / passed,
                   hertz: nodes.map((node, index) => (node.dataset.draws - drawn[index]) / passed),
                   same: nodes.every((node, index) => node === document.querySelectorAll(".js-plotly-plot")[index]) });
  };
  requestAnimationFrame(look);
})
"""
WHOLE = """
() => [...document.querySelectorAll(".js-plotly-plot")].every((node) =>
  node.querySelector(".heatmaplayer image")?.href.baseVal && node.querySelector(".imagelayer image")?.href.baseVal)
"""
RANGE = "node => [...node._fullLayout.xaxis.range, ...node._fullLayout.yaxis.range]"


@pytest.fixture(scope="module")
def live_app(serve: Serve) -> str:
    """The address of live_app.py."""
    return serve("tests/browser/live_app.py")


@pytest.fixture
def opened(page: Page, live_app: str) -> Iterator[Page]:
    """The app with its four maps drawn; no script error may happen while it is open."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(live_app)
    wait_for_figures(page, 4)
    yield page
    assert not errors


def _drag(page: Page, figure: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over a figure between two places given as shares of its plotted area."""
    box = figure.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    for step, (x, y) in enumerate((start, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), end)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if step == 0:
            page.mouse.down()
    page.mouse.up()


def _show(page: Page, what: str) -> None:
    page.get_by_test_id("stRadio").get_by_text(what, exact=True).click()


def _watch_warm(page: Page) -> dict[str, Any]:
    """What WATCH saw after every figure has been drawn three times; printed."""
    drawn = "() => [...document.querySelectorAll('.js-plotly-plot')].every((node) => node.dataset.draws >= 3)"
    page.wait_for_function(drawn)
    seen: dict[str, Any] = page.evaluate(WATCH, SECONDS)
    rates = ", ".join(f"{rate:.1f}" for rate in seen["hertz"])
    print(f"\nlive figures: {rates} updates a second each, {seen['frames']:.0f} frames a second, {seen['blank']} blank")
    return seen


def test_four_maps_update_at_two_hertz_on_the_same_nodes_and_are_never_blank(opened: Page) -> None:
    seen = _watch_warm(opened)
    assert min(seen["hertz"]) >= 2
    assert seen["blank"] == 0
    assert seen["same"]


def test_maps_of_single_pixels_are_never_blank_either(opened: Page) -> None:
    _show(opened, "fine maps")
    wait_for_run(opened)
    seen = _watch_warm(opened)
    assert seen["blank"] == 0
    assert seen["same"]


def test_a_dragged_zoom_stays_through_updates_and_a_double_click_resets_it(opened: Page) -> None:
    figure = opened.locator(".js-plotly-plot").first
    whole = figure.evaluate(RANGE)
    _drag(opened, figure, (0.25, 0.25), (0.75, 0.75))
    expect(figure).to_have_js_property("_fullLayout.xaxis.range.0", figure.evaluate(RANGE)[0])
    zoomed = figure.evaluate(RANGE)
    assert zoomed[1] - zoomed[0] < 0.7 * (whole[1] - whole[0])
    opened.evaluate(WATCH, 2)
    assert figure.evaluate(RANGE) == zoomed
    figure.locator(".nsewdrag").first.dblclick()
    opened.wait_for_function("node => Math.abs(node._fullLayout.xaxis.range[0]) < 1", arg=figure.element_handle())


def test_figures_come_back_after_they_were_gone(opened: Page) -> None:
    _show(opened, "nothing")
    wait_for_figures(opened, 0)
    _show(opened, "maps")
    wait_for_figures(opened, 4)
    opened.wait_for_function(WHOLE)  # a figure that is mounted has still to be drawn for the first time
    assert opened.evaluate(WATCH, 1)["blank"] == 0


def test_a_figure_is_an_image_with_words_for_those_who_do_not_see_it(opened: Page) -> None:
    expect(opened.get_by_role("img", name="Map 2")).to_be_visible()


def test_a_figure_takes_the_width_it_is_given(opened: Page) -> None:
    figure = opened.locator(".js-plotly-plot").first
    wide = figure.evaluate("node => node._fullLayout.width")
    opened.set_viewport_size({"width": 1000, "height": 900})
    fits = "([node, wide]) => node.clientWidth < wide - 50 && Math.abs(node._fullLayout.width - node.clientWidth) <= 1"
    opened.wait_for_function(fits, arg=[figure.element_handle(), wide])


def test_a_click_tells_where_it_was(opened: Page) -> None:
    _show(opened, "clicking")
    wait_for_figures(opened, 1)
    wait_for_run(opened)
    expect(opened.get_by_text("nothing clicked")).to_be_visible()
    box = opened.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    opened.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(opened.get_by_text("clicked 112, 112")).to_be_visible()


def test_boxes_and_strokes_come_back_in_pixels_and_stay_until_cleared(opened: Page) -> None:
    _show(opened, "drawing")
    wait_for_figures(opened, 1)
    figure = opened.locator(".js-plotly-plot").first
    _drag(opened, figure, (0.25, 0.25), (0.5, 0.75))
    expect(opened.get_by_text("1 drawn")).to_be_visible()
    expect(opened.get_by_text("Box(left=5")).to_be_visible()
    opened.get_by_test_id("stButtonGroup").get_by_text("brush").click()
    wait_for_run(opened)
    opened.wait_for_function("node => node._fullLayout.dragmode === 'drawopenpath'", arg=figure.element_handle())
    _drag(opened, figure, (0.1, 0.9), (0.9, 0.9))
    expect(opened.get_by_text("2 drawn")).to_be_visible()
    expect(opened.get_by_text("Stroke(points=((22")).to_be_visible()
    opened.get_by_test_id("stNumberInputStepUp").click()
    expect(opened.get_by_text("0 drawn")).to_be_visible()
    opened.wait_for_function("node => node.layout.shapes.length === 0", arg=figure.element_handle())
