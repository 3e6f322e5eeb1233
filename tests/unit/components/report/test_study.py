"""The report: everything asked and measured, on one page that fetches and runs nothing."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from backend.data.samples import sample_image
from backend.methods.question import Box, Contrast, Image, Question, RegionEdit, Runs
from backend.methods.saliency.result import Saliency
from backend.store import arrays
from backend.store.runs import RunStore
from backend.store.studies import Studies
from components.figures.cells import drawn_cells
from components.figures.maps import shared_limit
from components.report.pictures import WIDTH, map_picture
from components.report.study import study_report
from tests.unit.store.conftest import ask, finding, keep, saliency

HOSTILE = """<script>alert(1)</script> "quoted" 'single' & <img src=x onerror=alert(1)> </style></title>"""
MADE = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)


class Page(HTMLParser):
    """The tags with their attributes, and the text, as a browser would read them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def cat(method: str = "gradient", **changes: Any) -> Question:
    return ask(method=method, **{"inputs": Image(sample_image("cat")), **changes})


def study_of(*pairs: tuple[Question, Any], name: str = "Cats", state: str = "finished", done: int = 64) -> str:
    studies = Studies()
    study = studies.create(name)
    for question, result in pairs:
        studies.add(study.id, keep(studies.runs, question, result, state, done))
    return study.id


def written(study: str) -> str:
    return study_report(Studies(), study, MADE)


def pictures(html: str) -> list[Picture.Image]:
    return [Picture.open(BytesIO(base64.b64decode(data))) for data in re.findall(r"data:image/png;base64,([^\"]+)", html)]


def test_a_report_says_what_was_asked_and_at_what_cost() -> None:
    page = Page(written(study_of((cat(), saliency()), (cat("integrated_gradients"), saliency(1)))))
    for text in (
        "Cats", "2 runs · made with Vitrine on 23 November 2026, 15:30", "Why Egyptian cat?", "efficientnet-lite0", "float32",
        "logit of class 285", "Gradient", "Integrated Gradients", "64 points, sums to the logit within 1 %",
        "logit per cell", "64 rows forward, 64 backward, 1.5 s", "Residual0.01", "settings: defaults; seed 0",
        sample_image("cat"), "Simonyan",
    ):  # fmt: skip
        assert text.lower() in page.text.lower()


def test_findings_stand_with_controls_and_protocol(runs: RunStore) -> None:
    study = study_of((cat(), saliency()))
    keep(runs, cat().asking(inputs=Runs((cat(),)), target=None), finding())
    text = Page(written(study)).text
    assert "insertion0.39 probability, beats the controlrandom 0.17 to 0.25 (2); edges 0.24 · more is better" in text
    assert "20 steps, blurred start. 180 rows forward, 0 backward, 2.2 s." in text


def test_it_fetches_and_runs_nothing() -> None:
    html = written(study_of((cat(), saliency())))
    page = Page(html)
    assert not {"script", "link", "iframe", "object", "form", "a"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        if tag == "img":
            assert (attributes["src"] or "").startswith("data:image/png;base64,")
    assert "default-src 'none'" in html
    assert not re.search(r"url\(|@import|https?://", html)


def test_hostile_names_stay_text(runs: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name, a note, a map's note, its facts, a finding and a file's label, all written by a stranger."""
    made = saliency()
    bad = {"note": HOSTILE, "facts": {HOSTILE: 1.0}, "blank": HOSTILE, "unit": HOSTILE}
    study = study_of((cat(), Saliency(**{**made.__dict__, **bad})), name=HOSTILE[:60])
    runs.note(cat().hash, HOSTILE)
    measured = finding()
    bad_measure = measured.measures[0].__class__(HOSTILE, 0.5, {HOSTILE: (1.0,)}, "more", HOSTILE, HOSTILE)  # type: ignore[arg-type]
    bad_finding = measured.__class__(HOSTILE, (bad_measure,), HOSTILE, measured.passes, 1.0)
    keep(runs, cat().asking(inputs=Runs((cat(),)), target=None), bad_finding)
    html = written(study)
    page = Page(html)
    assert "<script" not in html
    assert "onerror=alert(1)>" not in html
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count("<script>alert(1)</script>") >= 8


def test_hostile_questions_stay_text() -> None:
    study = study_of((cat(model=ask().model.__class__("<script>alert(1)</script>", '"><script>')), saliency()))
    html = written(study)
    assert "<script" not in html
    assert "class 285" in Page(html).text


def test_runs_on_one_question_share_a_section_and_a_scale() -> None:
    strong, weak = saliency(), saliency()
    weak = Saliency(**{**weak.__dict__, "attribution": weak.attribution / 4})
    other = cat(target=Contrast(285, 281))
    html = written(study_of((cat(), strong), (other, strong), (cat("occlusion"), weak)))
    assert html.count("<section>") == 3  # two questions, and the list of how to ask again
    assert "Why <em>Egyptian cat</em> and not <em>tabby" in html
    ends = re.findall(r"<span>\+([\d.]+)</span>", html)
    assert ends[0] == ends[1]
    assert pictures(html)[1].tobytes() != pictures(html)[3].tobytes()


def test_photo_and_maps_are_pictures_of_the_right_size() -> None:
    photo, drawn, bar = pictures(written(study_of((cat(), saliency()))))
    assert max(photo.size) == 400
    assert drawn.size == (WIDTH, WIDTH)
    assert bar.size == (WIDTH, 8)


def test_edits_are_told_and_seen() -> None:
    edited = cat(inputs=Image(sample_image("cat"), (RegionEdit((Box(0, 0, 224, 112),), "grey"),)))
    plain, erased = (written(study_of((question, saliency()), name=question.hash[:9])) for question in (cat(), edited))
    assert "1 shape replaced by grey" in Page(erased).text
    before, after = (np.asarray(pictures(html)[1], np.int16) for html in (plain, erased))
    assert np.abs(before - after)[:200].mean() > 3
    np.testing.assert_array_equal(before[232:], after[232:])


def test_what_is_gone_is_told_of_and_the_rest_stands() -> None:
    lost = cat(inputs=Image("b" * 64))
    study = study_of((cat(), saliency()), (lost, saliency()), (cat("rise"), saliency()))
    arrays.remove(cat("rise").hash)
    text = Page(written(study)).text
    assert "is not on this machine" in text
    assert "removed to make room" in text
    assert "64 points" in text


def test_a_stopped_run_says_so_and_a_bygone_method_too() -> None:
    study = study_of((cat(), saliency()), state="stopped", done=20)
    assert "Stopped at 20 of 64." in Page(written(study)).text
    with Studies().database.writing() as connection:
        connection.execute("UPDATE questions SET body = replace(body, '\"gradient\"', '\"bygone\"')")
    assert "Its question cannot be read any more: no method named 'bygone'" in Page(written(study)).text


def test_an_empty_study_is_a_page_too() -> None:
    assert "0 runs" in Page(written(study_of())).text


def test_a_map_is_clear_at_zero_orange_for_and_blue_against() -> None:
    cells = np.array([[1.0, 0.0], [0.0, -1.0]])
    pixels = np.asarray(map_picture(cells, 1.0), np.int16)  # (448, 448, 3)
    quarter = WIDTH // 4
    assert tuple(pixels[quarter, quarter]) == (0x7F, 0x2E, 0x04)
    assert tuple(pixels[quarter, 3 * quarter]) == (255, 255, 255)
    assert tuple(pixels[3 * quarter, 3 * quarter]) == (0x08, 0x36, 0x6E)
    half = np.asarray(map_picture(cells / 2, 1.0), np.int16)[quarter, quarter]
    assert half[0] > half[2] + 60


def test_shares_are_summed_and_effects_of_hiding_averaged() -> None:
    """Shares must still sum to the logit; a drop by hiding a window does not grow with the pixels it is written on."""
    made = saliency()
    shares = drawn_cells(made)
    assert (shares.cells.shape, shares.unit) == ((28, 28), "logit per cell")
    assert shares.cells.sum() == pytest.approx(made.heatmap.sum(), rel=1e-3)
    drops = replace(made, attribution=np.full((1, 224, 224), 0.5, np.float32), additive=False)
    averaged = drawn_cells(drops)
    assert averaged.unit == "logit, mean of the cell"
    np.testing.assert_allclose(averaged.cells, 0.5)


def test_coarse_maps_keep_their_own_cells() -> None:
    coarse = drawn_cells(replace(saliency(), cells=np.ones((7, 7), np.float32)))
    assert (coarse.cells.shape, coarse.cell) == ((7, 7), None)
    tiny = drawn_cells(saliency(side=8))
    assert (tiny.cells.shape, tiny.cell) == ((8, 8), None)


def test_a_blank_map_is_clear() -> None:
    assert shared_limit(np.zeros((4, 4))) == 0
    assert (map_picture(np.zeros((4, 4)), 0.0) == 255).all()
