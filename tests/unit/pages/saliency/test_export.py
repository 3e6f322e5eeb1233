"""What is exported: pictures as on screen, numbers without pickled objects, settings whole and readable anywhere."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image as Picture

from backend.evidence.finding import Finding, Measure
from backend.methods.encoding import decode
from backend.methods.prediction import PredictionParams
from backend.methods.question import ClassLogit, Image, ModelRef, Question
from backend.methods.saliency.gradient import Gradient
from backend.methods.saliency.rise import Rise
from backend.methods.steps import PassCount
from backend.models.catalog import entry
from pages.saliency import export
from pages.saliency.scene import Row, Scene
from pages.saliency.view import View
from tests.unit.map_by_hand import map_by_hand

IMAGE = Image("0" * 64)


def _question(name: str, params: object) -> Question:
    return Question(name, ModelRef("digits-cnn", "abc"), IMAGE, params, ClassLogit(1))


@pytest.fixture
def shown() -> export.Shown:
    """A digit with a gradient and a RISE map, of which the gradient is checked."""
    frame = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    gradient, rise = _question("gradient", Gradient()), _question("rise", Rise(masks=50))
    row = Row(
        "photo",
        "Digit 1",
        IMAGE,
        frame,
        _question("prediction", PredictionParams()),
        None,
        "",
        {"gradient": gradient, "rise": rise},
    )
    scene = Scene(View(model="digits-cnn"), entry("digits-cnn"), (row,), ClassLogit(1), ())
    maps = (
        (row, gradient, map_by_hand(np.random.default_rng(0).normal(size=(1, 8, 8)), unit="logit per unit of input")),
        (
            row,
            rise,
            map_by_hand(np.ones((1, 8, 8)), standard_error=np.full((8, 8), 0.5, dtype=np.float32), facts={"masks": 50.0}),
        ),
    )
    measure = Measure("missing logit", 0.25, {"limit": (0.01,)}, "less", "share", "fails the control")
    found = {gradient.hash: [Finding("completeness", (measure,), "As it was done.", PassCount(1), 0.1)]}
    return export.Shown(scene, "http://here/saliency?model=digits-cnn", maps, found)


def test_pictures_are_the_frame_and_each_map_over_it(shown: export.Shown) -> None:
    with zipfile.ZipFile(io.BytesIO(export.pictures(shown))) as archive:
        opened = {name: Picture.open(io.BytesIO(archive.read(name))) for name in archive.namelist()}
    assert set(opened) == {"photo.png", "photo-gradient.png", "photo-rise.png"}
    assert (np.asarray(opened["photo.png"]).reshape(8, 8) == np.arange(64).reshape(8, 8)).all() or opened["photo.png"].size > (
        8,
        8,
    )
    assert all(picture.format == "PNG" for picture in opened.values())


def test_numbers_are_the_attributions_and_their_errors(shown: export.Shown) -> None:
    arrays = np.load(io.BytesIO(export.numbers(shown)), allow_pickle=False)
    assert set(arrays.files) == {"photo/frame", "photo/gradient", "photo/rise", "photo/rise/standard_error"}
    for _, question, value in shown.maps:
        assert np.array_equal(arrays[f"photo/{question.method}"], value.attribution)
    assert arrays["photo/gradient"].dtype == np.float32


def test_settings_hold_whole_questions_findings_and_no_nan(shown: export.Shown) -> None:
    told = json.loads(export.settings(shown), parse_constant=pytest.fail)
    assert told["link"] == shown.link
    gradient, rise = told["runs"]
    assert [decode(run["question"]) for run in told["runs"]] == [question for _, question, _ in shown.maps]
    assert gradient["run"] == shown.maps[0][1].hash
    assert gradient["class"] == "1"
    assert gradient["findings"][0]["check"] == "completeness"
    assert gradient["findings"][0]["measures"][0]["controls"] == {"limit": [0.01]}
    assert rise["facts"] == {"masks": 50.0}
    assert rise["findings"] == []


def test_settings_with_a_value_that_is_no_number_are_still_json(shown: export.Shown) -> None:
    row, question, _ = shown.maps[0]
    infinite = map_by_hand(np.ones((1, 8, 8)), facts={"residual_share": float("inf"), "last_change": float("nan")})
    told = export.settings(export.Shown(shown.scene, shown.link, ((row, question, infinite),), shown.found))
    json.loads(told, parse_constant=pytest.fail)
