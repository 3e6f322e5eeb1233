"""The card's last sections with the real engine: a channel drawn, stopped and set, and a photo's familiarity measured."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image as Picture

import backend
from backend.data import digits, images
from backend.data.corpora import corpus
from backend.engine import engine
from backend.methods.neurons.feature_visualization import FeaturePicture
from tests.app.visit import Visit


@pytest.fixture(scope="module", autouse=True)
def index() -> None:
    """The index of the small image model over the digits it learned from."""
    backend.run("neuron_index", model="digits-cnn", sample=corpus("digits"))


def card(unit: str = "stage3:5", **link: str) -> Visit:
    """The unit's card once everything it asks for by itself is there."""
    return Visit("neurons", model="digits-cnn", unit=unit, **link).settle()


def text(visit: Visit, words: str) -> str:
    """The first line of the page that holds the words."""
    found = [line for line in visit.texts if words in line]
    assert found, f"no line holds {words!r}: {visit.texts}"
    return found[0]


def test_nothing_is_drawn_unasked_and_a_press_draws_measures_and_shows_both_controls() -> None:
    visit = card()
    assert "feature_visualization" not in {s.question.method for s in visit.asked().values()}
    assert text(visit, "An optimised picture alone misleads")
    visit.press("Draw it").settle()
    said = text(visit, "Shifted, scaled and turned in 16 ways")
    _, snapshot = visit.snapshot("feature_visualization")
    value: FeaturePicture = snapshot.value
    assert f"{value.mean:.3g} ±" in said
    for name in ("random noise", "the picture of another unit"):
        assert f"{name} {value.controls[name].mean():.3g}".replace("-", "−") in said
    assert re.search(r"Its strongest cell is (not )?beyond the 1,437 real pictures, whose extreme is", said)
    assert visit.figure("Feature picture")["layout"]["images"][0]["source"].startswith("data:image/jpeg;base64,")
    curve = visit.figure("Activation over 192 steps")
    assert [note["text"].split()[0] for note in curve["layout"]["annotations"]] in (["unit", "noise"], ["noise", "unit"])
    assert text(visit, f"Control: the picture drawn for unit {value.other_unit} of the same layer")
    assert not visit.has_button("Draw it")


def test_a_way_of_drawing_goes_into_the_link_and_the_link_asks_the_same_again() -> None:
    visit = card("stage2:3")
    visit.labelled("button_group", "Direction").set_value("lowest").run()
    visit.run()
    assert visit.link["feature_visualization.direction"] == "lowest"
    visit.labelled("slider", "Iterations").set_value(32).run()
    visit.run()
    assert visit.link["feature_visualization.iterations"] == "32"
    visit.press("Draw it").settle()
    again = Visit("neurons", **visit.link).settle()  # known, so it is shown at once
    assert text(again, "Shifted, scaled and turned in 16 ways") == text(visit, "Shifted, scaled and turned in 16 ways")
    _, snapshot = again.snapshot("feature_visualization")
    assert (snapshot.question.params.direction, snapshot.question.params.iterations) == ("lowest", 32)


def test_a_stop_keeps_the_picture_as_it_is_and_offers_to_draw_again() -> None:
    visit = card("stage3:7", **{"feature_visualization.iterations": "1024", "feature_visualization.copies": "16"})
    visit.press("Draw it")
    name, _ = visit.snapshot("feature_visualization")
    version = -1
    while (seen := engine().wait(name, version, 60)).value is None:
        version = seen.version
    visit.run()
    visit.press("Stop")
    engine().wait_final(name, 60)
    visit.run()
    _, snapshot = visit.snapshot("feature_visualization")
    assert snapshot.state == "stopped"
    assert snapshot.done < snapshot.total
    assert visit.figure("Feature picture")
    assert visit.has_button("Draw it again")


def test_a_photos_familiarity_is_told_with_its_controls_and_what_the_measure_is_worth() -> None:
    shuffled = np.random.default_rng(0).permutation(digits.held_out().pixels[0].ravel()).reshape(8, 8)
    visit = card(photo=images.store(Picture.fromarray(shuffled))).press("Measure familiarity").settle()
    said = text(visit, "Coverage 0.")
    assert re.search(r"above \d+ % of 75 pictures held out from digits: less familiar than most", said)
    assert "watched on 300 pictures of 300 sources; those held out are of 150 others" in said
    controls = text(visit, "Simpler measures: largest softmax")
    assert re.search(r"their pixels shuffled 0\.\d\d \(softmax 0\.\d\d\), their patches shuffled 0\.\d\d", controls)
    assert "most others will look strange" not in controls  # 450 sources are not few
    assert visit.figure("Coverage 0.")["layout"]["shapes"][0]["type"] == "line"
