"""Links to the saliency page: what they restore, and what is said of a part that cannot be followed while the rest stands."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from backend.data.samples import samples
from backend.methods.question import Box, Image, Stroke
from backend.store.runs import RunStore
from tests.app.visit import Visit

GONE = "0" * 64
QUICK = {"model": "digits-cnn", "methods": "gradient,occlusion"}


def test_a_link_sets_parameters() -> None:
    visit = Visit(model="digits-cnn", methods="rise", **{"rise.masks": "200"}).settle()
    assert visit.snapshot("rise")[1].question.params.masks == 200
    assert visit.labelled("slider", "Masks").value == 200
    assert visit.cards()["rise"].says("200 masks")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"rise.masks": "9"}, ("RISE", "9", "50")),
        ({"rise.masks": "9999999"}, ("RISE", "9999999", "8000")),
        ({"rise.masks": "many"}, ("RISE", "many")),
        ({"rise.sheep": "3"}, ("sheep", "masks")),
        ({"integrated_gradients.rule": "guess"}, ("guess", "adaptive")),
        ({"no_method.masks": "9"}, ("no_method",)),
        ({"grain": "5"}, ("5", "8")),
        ({"grain": "17"}, ("17", "16")),
        ({"opacity": "0"}, ("0", "10")),
        ({"look": "x-ray"}, ("x-ray", "overlay")),
        ({"explain": "-1"}, ("-1",)),
        ({"explain": "10"}, ("10", "9", "digits-cnn")),
        ({"against": "77"}, ("77", "9", "digits-cnn")),
        ({"photo": "../../etc/passwd"}, ("../../etc/passwd",)),
        ({"beside": "nobody"}, ("nobody",)),
        ({"beside": GONE}, (GONE[:8], "not on this machine")),
        ({"erase": "blur~erase~bx"}, ("bx",)),
        ({"erase": "blur~erase~b100_100_120_120"}, ("no pixel", "8")),
        ({"erase": "blur~erase~bnan_0_4_4"}, ("nan",)),
        ({"wool": "yes"}, ("wool",)),
        ({"run": GONE}, (GONE[:8],)),
        ({"run": "'; drop table runs; --"}, ("'; drop", "not on this machine")),
    ],
)
def test_a_part_that_cannot_be_followed_is_named_with_its_limit_and_the_rest_stands(
    part: dict[str, str], words: tuple[str, ...]
) -> None:
    visit = Visit(**(QUICK | part)).settle()
    told = " ".join(visit.problems)
    assert all(word in told for word in words), told
    assert visit.title.startswith("Why ")
    assert all(card.figure is not None for card in visit.cards().values())
    assert visit.cards()


def test_unknown_methods_are_named_with_those_there_are() -> None:
    visit = Visit(model="digits-cnn", methods="rise,crystal_ball").settle()
    assert any("crystal_ball" in problem and "grad_cam" in problem for problem in visit.problems)
    assert visit.cards()


def test_five_methods_in_a_link_are_one_too_many() -> None:
    visit = Visit(model="digits-cnn", methods="rise,gradient,grad_cam,occlusion,smoothgrad").settle()
    assert any("5 methods" in problem and "4" in problem for problem in visit.problems)
    assert len(visit.cards()) == 4


@pytest.mark.parametrize("photo", ["nobody", GONE])
def test_a_photo_that_is_not_there_is_said_and_another_can_be_picked(photo: str) -> None:
    visit = Visit(model="digits-cnn", photo=photo).run()
    assert any(photo[:8] in problem for problem in visit.problems)
    next(button for button in visit.app.main.button if (button.key or "").startswith("sample_")).click()
    visit.settle()
    assert visit.title.startswith("Why ")
    assert not visit.problems


def test_an_unknown_model_gives_way_to_the_default() -> None:
    visit = Visit(model="no-such-model", methods="gradient").settle()
    assert visit.app.session_state.model == "efficientnet-lite0"
    assert visit.cards()["gradient"].figure is not None


def test_a_layer_the_model_does_not_have_fails_in_its_card_and_names_those_there_are() -> None:
    visit = Visit(model="digits-cnn", methods="grad_cam,gradient", **{"grad_cam.layer": "cellar"}).settle()
    cards = visit.cards()
    assert cards["grad_cam"].says("cellar")
    assert cards["grad_cam"].says("stage1")
    assert cards["gradient"].figure is not None


def test_a_deep_link_brings_back_photo_target_methods_and_drawing() -> None:
    link = {
        "model": "digits-vit",
        "photo": samples("digit")[5].name,
        "explain": "3",
        "against": "8",
        "methods": "rise,gradient",
        "look": "map",
    }
    link |= {"opacity": "40", "ranks": "true", "rise.masks": "100", "erase": "grey~keep~b1_1_6_6~s1_0_0_7_7"}
    visit = Visit(**link).settle()
    assert visit.title == "Why 3 and not 8?"
    assert list(visit.cards()) == ["rise", "gradient"]
    assert visit.labelled("button_group", "Show").value == "map"
    assert visit.labelled("slider", "Opacity of the map, %").value == 40
    assert visit.labelled("toggle", "Ranks instead of values").value
    _, beside = next((n, s) for n, s in visit.asked().items() if isinstance(s.question.inputs, Image) and s.question.inputs.edits)
    (edit,) = beside.question.inputs.edits
    assert (edit.fill, edit.keep, edit.shapes) == ("grey", True, (Box(1, 1, 6, 6), Stroke(((0, 0), (7, 7)), 1)))
    assert visit.link == link


def test_the_copied_link_opens_what_is_on_screen() -> None:
    visit = Visit(model="digits-cnn", methods="gradient", explain="4", look="photo").settle()
    copied = next(code.value for code in visit.app.main.code if "saliency" in code.value or code.value.startswith("?"))
    again = Visit(**dict(parse_qsl(copied.split("?")[1]))).settle()
    assert (again.title, list(again.cards()), again.link) == (visit.title, list(visit.cards()), visit.link)


def test_a_link_to_a_run_opens_it() -> None:
    visit = Visit(model="digits-cnn", methods="rise", explain="6", **{"rise.masks": "150"}).settle()
    name = visit.snapshot("rise")[1].question.hash
    again = Visit(model="digits-cnn", run=name).settle()
    assert again.title == "Why 6?"
    assert list(again.cards()) == ["rise"]
    assert again.snapshot("rise")[1].question.hash == name
    assert RunStore().exists(name)


def test_a_run_of_another_model_says_which_model_to_choose() -> None:
    name = Visit(model="digits-cnn", methods="gradient", explain="6").settle().snapshot("gradient")[1].question.hash
    visit = Visit(model="digits-vit", methods="gradient", run=name).settle()
    assert any("digits-cnn" in problem for problem in visit.problems)
    assert visit.cards()


def test_a_pasted_link_that_leads_nowhere_is_said_beside_its_box_and_the_photo_stays() -> None:
    visit = Visit(**QUICK).settle().press("Change photo")
    visit.labelled("button_group", "Source").set_value("Link").run()
    visit.app.main.text_input[0].set_value("nothing at all").run()
    assert any("nothing" in problem and "not on this machine" in problem for problem in visit.problems)
    assert visit.cards()
    visit.app.main.text_input[0].set_value("http://somewhere/saliency?methods=rise&rise.masks=100").run()
    visit.settle()
    assert list(visit.cards()) == ["rise"]
