"""The unit card with the real engine: planted neurons in text, channels in pictures, links, keys, export, hostile names."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import backend
from backend.data.corpora import corpus
from backend.engine import engine
from backend.methods.neurons.unit import Unit
from backend.methods.question import ModelRef
from backend.models import catalog
from backend.store.labels import Labels
from backend.store.unit_index import open_index
from tests.app.visit import Visit
from tests.unit.methods.neurons.planted_transformer import DETECTORS, PLAN, build

PLANTED = "planted <b>card</b>"
COLOURS, COLOUR = DETECTORS["mlp.0", 0]
SMOLLM2 = "smollm2-135m-instruct"
HOSTILE_LABEL = "<script>x</script> *bold* [a](http://b) $x$"


@pytest.fixture(scope="module", autouse=True)
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of texts in the planted model's words, every sentence different, drawn by a seed."""
    folder = tmp_path_factory.mktemp("data") / "words"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for number in range(4):
        lines = [" ".join(draw.choice(PLAN.vocabulary[1:60], size=40)) for _ in range(60)]
        (folder / f"part{number}.txt").write_text("\n\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITRINE_DATA", str(folder))
        yield folder


@pytest.fixture(scope="module", autouse=True)
def planted(words: Path) -> Iterator[str]:
    """The planted transformer, on offer and with its index over the words."""
    catalog.add_language_model(PLANTED, lambda: build(PLAN))
    backend.run("neuron_index", model=PLANTED, sample=corpus("folder-words"))
    yield PLANTED
    del catalog._operator.languages[PLANTED]


@pytest.fixture(scope="module", autouse=True)
def digits() -> None:
    """The index of the small image model over the digits it learned from."""
    backend.run("neuron_index", model="digits-cnn", sample=corpus("digits"))


def _text(unit: str, **link: str) -> Visit:
    return Visit("neurons", model=PLANTED, corpus="folder-words", unit=unit, **link)


@pytest.fixture(scope="module")
def colours() -> Visit:
    """The card of the neuron that fires on colours; read only."""
    return _text("mlp.0:0").settle()


def _is_of(visit: Visit, unit: str) -> bool:
    """Whether the first badge names the unit: the title may be a name that the machine has found meanwhile."""
    return unit in _badges(visit)[0]


def _html(visit: Visit) -> str:
    """The examples' block: the first of the card, the reader's own words follow."""
    return str(visit.app.main.get("html")[0].proto.body)


def _rows(visit: Visit) -> list[str]:
    """The texts of the shaded rows, tags taken off."""
    rows = re.findall(r'<div role="listitem".*?</div></div>', _html(visit), flags=re.DOTALL)
    return [re.sub(r"<[^>]+>", "", row) for row in rows]


def _peaks(visit: Visit) -> list[str]:
    """The underlined tokens."""
    return [found.split("  ")[0] for found in re.findall(r'title="([^"]*)" style="[^"]*underline', _html(visit))]


def test_the_card_says_which_unit_it_is_of(colours: Visit) -> None:
    assert _is_of(colours, "L0 · N0")
    assert not colours.problems


def test_a_planted_detector_shows_what_drives_it(colours: Visit) -> None:
    peaks = _peaks(colours)
    assert peaks
    assert set(peaks) <= set(COLOURS)


def test_a_planted_detector_shows_what_it_writes(colours: Visit) -> None:
    figure = colours.figure("Tokens written")
    (trace,) = figure["traces"]
    assert figure["layout"]["yaxis"]["ticktext"][0] == COLOUR
    assert trace["x"] == sorted(trace["x"], reverse=True)


def test_the_density_is_the_index_of_the_unit(colours: Visit) -> None:
    card = engine().workshop.card(ModelRef(PLANTED))
    index = open_index(PLANTED, card.revision, corpus("folder-words"))
    assert index is not None
    record = index.record(Unit("mlp.0", 0))
    (trace,) = colours.figure("Density")["traces"]
    assert [count or 0 for count in trace["y"]] == record.counts.tolist()
    assert any("the median unit of mlp.0" in text for text in colours.texts)


def test_every_band_shows_other_examples_and_the_link_says_which(colours: Visit) -> None:
    top = _rows(colours)
    visit = _text("mlp.0:0").settle()
    for band in ("high", "middle", "random", "bottom"):
        visit.labelled("button_group", "Examples").set_value(band)
        visit.settle()
        assert visit.link["band"] == band
        assert _rows(visit) != top


def test_bottom_examples_of_a_detector_peak_at_other_words() -> None:
    assert not set(_peaks(_text("mlp.0:0", band="bottom").settle())) & set(COLOURS)


def test_the_whole_text_is_shaded_by_a_pass_of_its_own(colours: Visit) -> None:
    visit = _text("mlp.0:0", full="true").settle()
    assert set(_peaks(visit)) <= set(COLOURS)
    assert max(map(len, _rows(visit))) > max(map(len, _rows(colours)))


def test_the_classes_stand_as_badges(colours: Visit) -> None:
    assert any("prediction" in badge for badge in _badges(colours))
    assert any("fires on" in badge for badge in _badges(colours))


def _badges(visit: Visit) -> list[str]:
    return [element.value for element in visit.app.main.markdown if "-badge[" in element.value]


def test_a_planted_connection_leads_to_the_other_card() -> None:
    visit = _text("mlp.0:3").settle()
    visit.press("L2 · N0").settle()
    assert visit.link["unit"] == "mlp.2:0"
    assert _is_of(visit, "L2 · N0")


def test_next_and_previous_step_through_the_layer() -> None:
    visit = _text("mlp.0:0").settle()
    before, after = (next(b for b in visit.app.main.button if b.key == f"card_chevron_{side}") for side in ("left", "right"))
    assert before.disabled
    assert (before.proto.shortcut.lower(), after.proto.shortcut.lower()) == ("k", "j")
    after.click()
    visit.run()
    assert visit.link["unit"] == "mlp.0:1"


def test_all_results_leads_back_to_the_explorer() -> None:
    visit = _text("mlp.0:0").settle()
    visit.press("All results")
    assert "unit" not in visit.link
    assert visit.title == "Which units do what?"


def test_the_best_label_is_the_title_and_stays_text() -> None:
    card = engine().workshop.card(ModelRef(PLANTED))
    Labels(PLANTED, card.revision).add(Unit("mlp.0", 1), HOSTILE_LABEL, author="tester")
    visit = _text("mlp.0:1").settle()
    assert visit.title == f"“{HOSTILE_LABEL}”"
    assert all(not element.proto.allow_html for element in visit.app.main.markdown)


def test_a_head_says_why_it_writes_no_tokens() -> None:
    visit = _text("attention.1:1").settle()
    assert _is_of(visit, "L1 · head 1")
    assert any("no fixed list of tokens" in text for text in visit.texts)
    assert visit.figure("Density")["traces"]


@pytest.mark.parametrize(
    ("unit", "told"), [("mlp.0:999", "its units go from 0 to 15"), ("mlp.99:0", "no layer 'mlp.99'"), ("<b>:0", "unit")]
)
def test_a_unit_that_is_not_there_is_told_with_the_limit(unit: str, told: str) -> None:
    visit = _text(unit).settle()
    assert any(told in problem for problem in visit.problems)
    assert visit.title == "Which units do what?"


def test_the_export_says_what_the_card_says(colours: Visit) -> None:
    from pages.neurons import keep
    from pages.neurons.scene import build
    from pages.neurons.view import View

    card = engine().workshop.card(ModelRef(PLANTED))
    scene = build(View(model=PLANTED, revision=card.revision, unit="mlp.0:0", corpus="folder-words"))
    shown = keep.gathered(scene, "http://here/")
    assert shown is not None
    neuron = json.loads(keep.card_json(shown))["neuronpedia"]
    assert (neuron["layer"], neuron["index"]) == ("0-mlp", "0")
    peaks = {activation["tokens"][activation["maxValueTokenIndex"]] for activation in neuron["activations"]}
    assert peaks <= set(COLOURS)


@pytest.fixture(scope="module")
def weekdays(words: Path) -> Iterator[str]:
    """A few sentences beside the words, with the default language model's index over them."""
    folder = words.parent / "weekdays"
    folder.mkdir()
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
    lines = [f"We meet again on {day}, and if the weather is bad then we stay at home that {day} night.\n日本 ✓" for day in days]
    for number, line in enumerate(lines):
        (folder / f"{number}.txt").write_text(line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITRINE_DATA", f"{words}{os.pathsep}{folder}")
        backend.run("neuron_index", model=SMOLLM2, sample=corpus("folder-weekdays"))
        yield "folder-weekdays"


def test_the_default_language_model_reads_real_texts(weekdays: str) -> None:
    visit = Visit("neurons", model=SMOLLM2, corpus=weekdays, unit="mlp.17:842").settle()
    assert _is_of(visit, "L17 · N842")
    assert "““" not in visit.title
    assert not visit.problems
    rows = _rows(visit)
    assert rows
    assert all(re.search(r"\d\.txt", row) for row in rows)
    assert "·" in "".join(rows)
    assert len(visit.figure("Tokens written")["traces"][0]["x"]) == 8
    assert any("Q4_1 de-quantised" in text for text in visit.texts)


def test_a_channel_shows_pictures_of_every_band() -> None:
    visit = Visit("neurons", model="digits-cnn", unit="stage2:3").settle()
    assert _is_of(visit, "stage2 · channel 3")
    assert len(visit.app.main.get("image")) >= 8
    assert any("field 5 px" in badge for badge in _badges(visit))
    classes = [text.split()[-1] for text in visit.texts if re.fullmatch(r"−?\d\.\d\d \d", text)]
    assert len(classes) == 8
    for band in ("high", "random", "bottom"):
        visit.labelled("button_group", "Examples").set_value(band)
        visit.settle()
        assert visit.app.main.get("image")


def test_a_channel_shows_what_it_pushes_with_random_units_beside() -> None:
    visit = Visit("neurons", model="digits-cnn", unit="stage3:1").settle()
    (trace,) = visit.figure("Effect on classes")["traces"]
    assert trace["x"] == sorted(trace["x"], reverse=True)
    assert any("random units of the layer" in text for text in visit.texts)


def test_a_neuron_of_the_vision_transformer_has_a_card() -> None:
    visit = Visit("neurons", model="digits-vit", unit="mlp.1:5").settle()
    assert _is_of(visit, "L1 · N5")
    assert not visit.problems
