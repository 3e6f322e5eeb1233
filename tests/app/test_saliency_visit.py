"""The saliency page as a visitor meets it: the first photo explained, predictions, methods, targets and models to choose."""

from __future__ import annotations

import pytest

from backend.methods.registry import method_named, methods
from backend.models.catalog import entry
from pages.saliency.view import FIRST_METHODS, MOST_METHODS
from tests.app.conftest import HOSTILE
from tests.app.visit import Visit, plain

METHODS = [method.name for method in methods("saliency")]


@pytest.fixture(scope="module")
def first() -> Visit:
    """The first visit, waited out; read only."""
    return Visit("").settle()


def test_the_first_visit_explains_the_cat_without_a_click(first: Visit) -> None:
    assert first.title in ("Why tiger cat?", "Why Egyptian cat?")
    assert list(first.cards()) == list(FIRST_METHODS)
    assert all(card.figure is not None for card in first.cards().values())
    assert not first.problems


def test_every_map_of_the_first_visit_is_checked_against_its_controls(first: Visit) -> None:
    for name, card in first.cards().items():
        assert card.says("insertion"), name
        assert card.says("deletion"), name
    assert first.cards()["integrated_gradients"].says("missing logit")
    assert first.figure("Dots for")["traces"]
    assert first.figure("Insertion curves")["traces"]


def test_the_first_visit_has_nothing_left_to_run(first: Visit) -> None:
    assert first.button("Run").disabled
    assert not first.has_button("Stop")


def test_predictions_are_told_with_probability_and_logit(first: Visit) -> None:
    bars = first.figure("Bars of the model")
    (trace,) = [trace for trace in bars["traces"] if trace["type"] == "bar"]
    assert len(trace["x"]) == 5
    assert trace["x"] == sorted(trace["x"], reverse=True)
    assert all("logit" in text for text in trace["text"])


def test_the_explained_class_says_how_far_ahead_it_is(first: Visit) -> None:
    assert any("logits behind" in text or "logits ahead" in text for text in first.texts)


def test_every_method_says_what_it_asks_what_it_cannot_tell_and_its_paper(first: Visit) -> None:
    for name in METHODS:
        assert method_named(name).teaching.paper in " ".join(first.texts).replace("\\", "")


def test_grad_cam_stands_at_every_layer(first: Visit) -> None:
    layers = [button.label for button in first.app.main.button if (button.key or "").startswith("layer_")]
    assert len(layers) == len(entry("efficientnet-lite0").layers)


@pytest.mark.parametrize("names", [METHODS[:4], METHODS[4:]])
def test_every_method_can_be_chosen(names: list[str]) -> None:
    visit = Visit(photo="coffee", **{"rise.masks": "50", "integrated_gradients.steps": "16", "smoothgrad.samples": "8"}).run()
    visit.labelled("button_group", "Methods").set_value(names)
    _with_run(visit)
    assert set(visit.cards()) == set(names)
    for name, card in visit.cards().items():
        assert card.figure is not None, (name, card.texts)
        assert plain(method_named(name).title) in card.texts[0]


def _with_run(visit: Visit) -> None:
    """Wait, and press Run where something is too costly to start by itself."""
    if not visit.settle().button("Run").disabled:
        visit.button("Run").click()
        visit.settle()


def test_at_most_four_methods_stand_side_by_side() -> None:
    visit = Visit(model="digits-cnn").settle()
    before = set(visit.cards())
    visit.labelled("button_group", "Methods").set_value([*FIRST_METHODS, "smoothgrad"]).run()
    assert set(visit.cards()) == before
    assert len(before) == MOST_METHODS
    assert any(str(MOST_METHODS) in toast.value for toast in visit.app.toast)


def test_a_class_chosen_from_the_list_is_explained() -> None:
    visit = Visit(model="digits-cnn").settle()
    visit.labelled("selectbox", "Explain").set_value(3)
    visit.settle()
    assert visit.title == "Why 3?"
    assert visit.link["explain"] == "3"
    assert all("map for 3 over" in card.figure["alt"] for card in visit.cards().values() if card.figure)


def test_one_class_against_another_is_explained() -> None:
    visit = Visit(explain="285", against="281", methods="gradient,grad_cam").settle()
    assert visit.title == "Why Egyptian cat and not tabby?"
    assert any("The logits differ by" in text for text in visit.texts)
    _, snapshot = visit.snapshot("gradient")
    _, prediction = visit.snapshot("prediction")
    lead = prediction.value.logits[285] - prediction.value.logits[281]
    assert snapshot.value.logit == pytest.approx(float(lead), abs=1e-3)


def test_a_class_against_itself_explains_the_class_alone_and_says_so() -> None:
    visit = Visit(explain="285", against="285", methods="gradient").settle()
    assert visit.title == "Why Egyptian cat?"
    assert any("against itself" in problem for problem in visit.problems)


@pytest.mark.parametrize("model", ["digits-cnn", "digits-vit"])
@pytest.mark.parametrize("names", [METHODS[:4], METHODS[4:]])
def test_every_method_explains_a_digit(model: str, names: list[str]) -> None:
    visit = Visit(methods=",".join(names), **{"rise.masks": "100"}).run()
    visit.app.sidebar.selectbox(key="model").set_value(model)
    _with_run(visit)
    assert visit.title[:4] == "Why "
    assert visit.title[4] in "0123456789"
    for name, card in visit.cards().items():
        assert card.figure is not None, (name, card.texts)


def test_a_blank_map_says_why(flat_model: str) -> None:
    visit = Visit(model=flat_model, methods="gradient,occlusion").settle()
    assert visit.cards()["gradient"].says("gradient is zero at every pixel")
    assert visit.cards()["occlusion"].says("No window changes the target")


def test_a_method_that_does_not_fit_the_model_says_why_in_its_card_and_the_others_go_on(flat_model: str) -> None:
    visit = Visit(model=flat_model, explain="1", methods="grad_cam,gradient,occlusion").settle()
    cards = visit.cards()
    assert cards["grad_cam"].figure is None
    assert cards["grad_cam"].says("spatial")
    assert cards["gradient"].figure is not None
    assert cards["occlusion"].figure is not None


def test_names_full_of_markup_are_shown_as_they_are(flat_model: str) -> None:
    visit = Visit(model=flat_model, explain="1", against="2", methods="gradient").settle()
    assert visit.title == f"Why {HOSTILE[1]} and not {HOSTILE[2]}?"
    assert all(not element.proto.allow_html for element in visit.app.main.markdown)
    ticks = [
        text for axis in visit.figure("Bars")["layout"].values() if isinstance(axis, dict) for text in axis.get("ticktext", ())
    ]
    assert not any("<b>" in text for text in ticks)
