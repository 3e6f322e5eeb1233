"""The neuron page's explorer on a small image model: the index makes itself, and units are found, filtered and opened."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from streamlit.util import calc_hash

import backend
from backend.data.corpora import corpus
from backend.data.samples import sample_image, samples
from backend.engine import engine
from backend.methods.neurons.unit import Unit, unit_title
from backend.methods.question import Box, Image, ModelRef, RegionEdit
from backend.store.labels import Labels
from backend.store.unit_index import UnitIndex, open_index
from components import jobs
from pages.saliency.region_text import write_region
from tests.app.explorer import Explorer, stop_all_tended
from tests.app.visit import Visit

MODEL = "digits-cnn"
DIGIT = samples("digit")[3].name


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    yield
    stop_all_tended()


@pytest.fixture(scope="module")
def index() -> UnitIndex:
    """What a first visit leaves behind."""
    Explorer(model=MODEL).with_index()
    found = open_index(MODEL, engine().workshop.card(ModelRef(MODEL)).revision, corpus("digits"))
    assert found is not None
    return found


def _tended(visit: Explorer) -> list:
    return [snapshot for name in jobs._tended.values() if (snapshot := engine().look(name)) is not None]


@pytest.fixture
def unnamed(index: UnitIndex) -> None:
    """No unit has a name, whatever cards were opened before."""
    labels = Labels(MODEL, index.manifest.revision)
    while left := labels.all():
        labels.undo(left[0].id)


def _title(index: UnitIndex, place: int) -> str:
    for layer in index.manifest.layers:
        if place < layer.count:
            return unit_title(Unit(layer.name, place), layer.kind)
        place -= layer.count
    raise AssertionError(place)


def test_the_page_asks_which_units_do_what_and_makes_its_index_by_itself(index: UnitIndex) -> None:
    visit = Explorer(model=MODEL).settle()
    assert visit.title == "Which units do what?"
    assert not visit.problems
    assert index.manifest.finished
    assert visit.says(f"Read over Digits: {index.manifest.items:,} pictures")


def test_units_are_ranked_by_their_peak_on_the_photo_against_their_own_peaks(index: UnitIndex) -> None:
    visit = Explorer(model=MODEL, photo=DIGIT).settle()
    value = backend.run("unit_activations", model=MODEL, sample=DIGIT)
    sampled = index.all_sampled_values.astype(np.float32)
    peak = np.concatenate([value.values[layer.name].max(axis=0) for layer in index.manifest.layers]).astype(np.float32)
    far = (peak - sampled.mean(axis=1)) / sampled.std(axis=1)
    expected = np.argsort(-far)[: len(visit.units)]
    assert visit.units == [_title(index, int(place)) for place in expected]
    assert visit.rows[0]["Here"] == pytest.approx(peak[expected[0]], abs=1e-3)
    assert visit.rows[0]["As high on"] == pytest.approx(100 * (sampled[expected[0]] >= peak[expected[0]]).mean())


def test_a_region_lists_what_sees_it_and_another_region_lists_other_units(index: UnitIndex) -> None:
    regions = [RegionEdit((Box(0, 0, 3, 3),)), RegionEdit((Box(2, 2, 6, 6),))]
    listed = [Explorer(model=MODEL, photo=DIGIT, search="photo", region=write_region(region)).settle() for region in regions]
    assert listed[0].units != listed[1].units
    assert listed[0].says("Only the framed region")
    mean, deviation = index.statistic("mean"), index.statistic("deviation")
    value = backend.run("unit_activations", model=MODEL, sample=DIGIT)
    first = listed[1].rows[0]
    layer, number = first["Unit"].split(" · channel ")
    height, width = value.grids[layer]
    cells = value.values[layer].astype(np.float32).reshape(height, width, -1)[..., int(number)]
    step = 8 // height
    inside = cells[2 // step : 6 // step, 2 // step : 6 // step]
    place = [_title(index, at) for at in range(index.manifest.units)].index(first["Unit"])
    assert first["Here"] == pytest.approx(float(inside.mean()), rel=1e-3)
    assert first["Deviations"] == pytest.approx((inside.mean() - mean[place]) / deviation[place], rel=1e-2)


def test_likeness_lists_the_most_correlated_units_and_says_what_chance_gives(index: UnitIndex) -> None:
    visit = Explorer(model=MODEL, search="like", find="stage2:5").settle()
    values = index.all_sampled_values.astype(np.float64)
    place = [_title(index, at) for at in range(index.manifest.units)].index("stage2 · channel 5")
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.corrcoef(values)[place]
    correlation[place] = np.nan
    best = int(np.nanargmax(correlation))
    assert visit.units[0] == _title(index, best)
    assert visit.rows[0]["Correlation"] == pytest.approx(correlation[best], abs=1e-3)
    assert visit.says("shuffled, the best of all units reaches")


def test_a_layer_filters_the_list_and_its_button_lifts_the_filter(index: UnitIndex) -> None:
    visit = Explorer(model=MODEL, layer="stage3").settle()
    assert visit.units
    assert all(unit.startswith("stage3 ") for unit in visit.units)
    visit.press("Only stage3").settle()
    assert {unit.split(" ")[0] for unit in visit.units} > {"stage3"}
    assert "layer" not in visit.link


def test_the_facet_of_rare_units_keeps_only_those(index: UnitIndex) -> None:
    visit = Explorer(model=MODEL, facets="rare").settle()
    rare = int((index.statistic("firing_rate") < 0.05).sum())
    assert len(visit.units) == min(rare, 12)
    assert visit.says("No unit fits all of this") is (rare == 0)


def test_open_leads_to_the_units_card_and_the_card_knows_its_place(index: UnitIndex) -> None:
    visit = Explorer(model=MODEL).settle()
    first = visit.units[0]
    visit.press("Open ").settle()
    assert visit.link["unit"] == first.replace(" · channel ", ":")
    layer, number = first.split(" · channel ")
    names = [label.text for label in Labels(MODEL, index.manifest.revision).of(Unit(layer, int(number)))]
    titles = {first, *(name.strip("“”") for name in names)}  # a card has a name proposed where there is none
    assert visit.title.strip("“”") in titles
    assert visit.says("1 of 12")


def test_a_point_of_the_scatter_is_a_unit_of_its_layer(index: UnitIndex) -> None:
    figure = Explorer(model=MODEL).settle().figure("All units by")
    assert len(figure["traces"]) == 2 * len(index.manifest.layers)


def test_another_model_starts_anew_and_keeps_the_photo(index: UnitIndex) -> None:
    Explorer(model="digits-vit").with_index()
    visit = Explorer(model=MODEL, layer="stage3", search="like", find="stage3:1", photo=DIGIT).settle()
    visit.app.sidebar.selectbox(key="model").set_value("digits-vit")
    visit.settle()
    assert not visit.problems
    assert {key: value for key, value in visit.link.items() if key != "model"} == {"photo": DIGIT}  # a browser writes the model
    assert visit.units
    assert all(re.fullmatch(r"L\d · N\d+", unit) for unit in visit.units)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"unit": "cellar:3"}, ("cellar", "stage1")),
        ({"unit": "stage1:4000"}, ("4000", "stage1", "15")),
        ({"unit": "<script>alert(1)</script>"}, ("<script>", "layer and a number")),
        ({"corpus": "no-such"}, ("no-such", "digits")),
        ({"corpus": "../../etc"}, ("../../etc", "digits")),
        ({"photo": "nobody"}, ("nobody",)),
        ({"photo": "0" * 64}, ("00000000", "not on this machine")),
        ({"search": "telepathy"}, ("telepathy", "meaning")),
        ({"search": "like", "find": "cellar:1"}, ("cellar", "stage1")),
        ({"search": "like", "find": "<b>$x$ :red[y]"}, ("<b>$x$", "stage1")),
        ({"search": "photo", "region": "blur~erase~b100_100_120_120"}, ("no pixel", "8")),
        ({"search": "meaning", "find": "anything"}, ("name",)),
        ({"neuron_index.items": "7"}, ("7", "128")),
        ({"wool": "yes"}, ("wool",)),
    ],
)
def test_a_part_that_cannot_be_followed_is_named_and_the_rest_stands(
    index: UnitIndex, unnamed: None, part: dict[str, str], words: tuple[str, ...]
) -> None:
    visit = Explorer(model=MODEL, **part).settle()
    told = " ".join(visit.problems)
    assert all(word in told for word in words), told
    assert visit.title == "Which units do what?"
    assert visit.figure("All units by")


def test_a_region_on_the_saliency_page_leads_to_the_units_that_see_it(index: UnitIndex) -> None:
    region = write_region(RegionEdit((Box(2, 2, 6, 6),)))
    visit = Visit(model=MODEL, methods="gradient", photo=DIGIT, erase=region).settle()
    visit.press("Which units see this?")
    assert visit.title == "Which units do what?"
    assert visit.link["photo"] == sample_image(DIGIT)
    assert visit.link["region"] == region
    visit.app._page_hash = calc_hash("neurons")  # a browser would follow the switch
    visit.settle()
    direct = Explorer(model=MODEL, search="photo", photo=DIGIT, region=region).settle()
    assert [row["Unit"] for row in visit.app.main.dataframe[0].value.to_dict("records")] == direct.units


def test_logits_are_the_same_after_a_visit(index: UnitIndex) -> None:
    content = Image(sample_image(DIGIT))
    before = backend.run("prediction", model=MODEL, sample=content).logits
    Explorer(model=MODEL, search="like", find="stage1:0").settle()
    assert np.array_equal(before, backend.run("prediction", model=MODEL, sample=content).logits)


def test_a_search_by_meaning_finds_the_nearest_name_and_filters_know_of_names(index: UnitIndex, unnamed: None) -> None:
    labels = Labels(MODEL, index.manifest.revision)
    given = [
        labels.add(Unit("stage2", 4), "round closed loops", author="one"),
        labels.add(Unit("stage1", 2), "edges", author="two"),
    ]
    try:
        visit = Explorer(model=MODEL, search="meaning", find="circles").settle()
        assert visit.units == ["stage2 · channel 4", "stage1 · channel 2"]
        assert visit.rows[0]["Name found"] == "round closed loops"
        assert visit.says("the names of 2 units")
        named = Explorer(model=MODEL, facets="labelled").settle()
        assert set(named.units) == set(visit.units)
        assert "stage3 · channel 1" not in named.units
    finally:
        for label in given:
            labels.undo(label.id)
