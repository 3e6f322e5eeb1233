"""The view and its link: one writes the other, and what a link may not say is told with its limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.methods.params import ParameterError
from backend.methods.question import Box, ClassLogit, Contrast, Image, RegionEdit
from backend.methods.registry import methods
from pages.saliency.view import FIRST_METHODS, GRAINS, MOST_METHODS, View, read, write

NAMES = sorted(method.name for method in methods("saliency"))
PHOTOS = st.sampled_from(["", "cat", "digit-7", "0f" * 32])
CLASSES = st.none() | st.integers(0, 10**6)
PARAMS = {
    "rise.masks": st.integers(1, 160).map(lambda n: str(50 * n)),
    "integrated_gradients.rule": st.sampled_from(["midpoint", "gauss-legendre"]),
    "integrated_gradients.baseline": st.sampled_from(["blur", "noise"]),
    "grad_cam.layer": st.sampled_from(["blocks.3", "stem"]),
}
VIEWS = st.builds(
    View,
    model=st.just("efficientnet-lite0"),
    photo=PHOTOS,
    beside=PHOTOS,
    explain=CLASSES,
    against=CLASSES,
    methods=st.lists(st.sampled_from(NAMES), max_size=MOST_METHODS, unique=True).map(tuple),
    params=st.fixed_dictionaries({}, optional=PARAMS),
    look=st.sampled_from(["overlay", "map", "photo"]),
    grain=st.sampled_from(GRAINS),
    opacity=st.integers(10, 100),
    ranks=st.booleans(),
    erase=st.none()
    | st.builds(
        RegionEdit,
        st.lists(st.builds(Box, *[st.integers(0, 2240).map(lambda tenth: tenth / 10)] * 4), min_size=1, max_size=5).map(tuple),
        st.sampled_from(["blur", "grey", "noise"]),
        st.booleans(),
    ),
)


@given(VIEWS)
def test_a_view_comes_back_from_its_link(view: View) -> None:
    assert read(write(view), view.model) == (view, [])


def test_the_first_view_needs_no_link() -> None:
    assert write(View()) == {}


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=30), max_size=4))
def test_any_link_gives_a_view_and_words_for_what_it_could_not_follow(link: dict[str, str]) -> None:
    view, problems = read(link, "digits-cnn")
    assert view.model == "digits-cnn"
    assert all(problems)
    assert set(view.methods) <= set(NAMES)


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ({"opacity": "9"}, ("'9'", "10 to 100")),
        ({"opacity": "101"}, ("'101'", "10 to 100")),
        ({"grain": "2"}, ("2", "1, 4, 8, 16")),
        ({"explain": "1e3"}, ("1e3",)),
        ({"methods": "rise,oracle"}, ("oracle", "grad_cam")),
        ({"methods": ",".join(NAMES)}, (str(len(NAMES)), str(MOST_METHODS))),
        ({"photo": "no such/photo"}, ("no such/photo",)),
        ({"photo": "x" * 500}, ("x" * 40,)),
        ({"rise.masks": "49"}, ("RISE", "49", "50")),
        ({"oracle.masks": "50"}, ("oracle",)),
        ({"completeness.x": "1"}, ("completeness",)),
        ({"erase": "paint~erase~b0_0_1_1"}, ("paint",)),
    ],
)
def test_what_a_link_may_not_say_keeps_its_default_and_is_told(link: dict[str, str], words: tuple[str, ...]) -> None:
    view, (problem,) = read(link, "")
    assert view == View()
    assert all(word in problem for word in words), problem
    assert len(problem) < 400


def test_one_bad_part_leaves_the_good_ones() -> None:
    view, problems = read({"grain": "3", "look": "map", "methods": "rise"}, "")
    assert len(problems) == 1
    assert (view.look, view.methods, view.grain) == ("map", ("rise",), View().grain)


def test_a_method_named_twice_stands_once() -> None:
    assert read({"methods": "rise,rise,gradient"}, "")[0].methods == ("rise", "gradient")


def test_model_run_and_study_are_not_the_views() -> None:
    assert read({"model": "x", "run": "y", "study": "z"}, "m") == (View(model="m"), [])


def test_the_target_is_the_models_first_class_until_one_is_chosen() -> None:
    assert View().target(282) == ClassLogit(282)
    assert View(explain=7).target(282) == ClassLogit(7)
    assert View(explain=7, against=3).target(282) == Contrast(7, 3)
    assert View(against=3).target(282) == Contrast(282, 3)


def test_a_question_takes_the_parameters_of_its_own_method_only() -> None:
    view = View(model="digits-cnn", params={"rise.masks": "100", "rise.cells": "5", "occlusion.cells": "9"})
    question = view.question("rise", Image("0" * 64), ClassLogit(1))
    assert (question.params.masks, question.params.cells) == (100, 5)
    with pytest.raises(ParameterError, match="50"):
        View(params={"rise.masks": "1"}).question("rise", Image("0" * 64), ClassLogit(1))


def test_the_first_view_shows_methods_that_exist() -> None:
    assert set(FIRST_METHODS) <= set(NAMES)
    assert len(FIRST_METHODS) <= MOST_METHODS
