"""The neuron page's view and its link: one writes the other, and what a link may not say is told with its limit."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.methods.question import Box, RegionEdit
from backend.store.unit_index import Band
from pages.neurons.view import FACETS, FIND_CHARACTERS, Kinds, Mode, Search, View, read, write

UNITS = st.sampled_from(["", "mlp.17:842", "blocks.10:447", "attention.3:0", "stage-1.conv_2:999999999"])
VIEWS = st.builds(
    View,
    model=st.just("smollm2-135m-instruct"),
    mode=st.sampled_from(get_args(Mode)),
    unit=UNITS,
    corpus=st.sampled_from(["", "documents", "photos-2"]),
    prompt=st.text(max_size=300),
    photo=st.sampled_from(["", "cat", "digit-7", "0f" * 32]),
    region=st.none() | st.builds(RegionEdit, st.builds(Box, *[st.integers(0, 224)] * 4).map(lambda box: (box,))),
    search=st.sampled_from(get_args(Search)),
    find=st.text(max_size=FIND_CHARACTERS),
    kinds=st.sampled_from(get_args(Kinds)),
    layer=st.sampled_from(["", "mlp.3", "blocks.12"]),
    facets=st.lists(st.sampled_from(["prediction", "entropy", "attention-off"]), unique=True).map(tuple),
    across=st.sampled_from(["", "firing_rate"]),
    up=st.sampled_from(["", "kurtosis"]),
    order=st.sampled_from(["", "skewness"]),
    band=st.sampled_from(get_args(Band)),
    full=st.booleans(),
    target=st.none() | st.integers(0, 49_151),
    position=st.integers(-1, 511),
    head=st.sampled_from(["", "attention.12:5"]),
    factor=st.integers(-300, 300).map(lambda hundredth: hundredth / 100),
    clamp=st.none() | st.integers(-50, 50).map(lambda half: half / 2),
)


@given(VIEWS)
def test_a_view_comes_back_from_its_link(view: View) -> None:
    assert read(write(view), view.model) == (view, [])


def test_the_first_view_needs_no_link() -> None:
    assert write(View()) == {}


@settings(deadline=None)  # the first example reads the catalog of methods
@given(st.dictionaries(st.sampled_from([*write(View(prompt="x")), "unit", "find", "clamp", "wool"]) | st.text(), st.text()))
def test_any_link_gives_a_view_and_words_for_what_it_could_not_follow(link: dict[str, str]) -> None:
    view, problems = read(link, "digits-cnn")
    assert view.model == "digits-cnn"
    assert all(problems)
    assert write(view).keys() <= link.keys()


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("unit", "mlp.17", ("mlp.17", "mlp.17:842")),
        ("unit", "<script>:1", ("<script>", "layer and a number")),
        ("unit", "mlp.1:9999999999", ("9999999999",)),
        ("mode", "x-ray", ("x-ray", "units", "sentence")),
        ("corpus", "a" * 101, ("101", "100")),
        ("prompt", "a" * 20_001, ("20,001", "20,000")),
        ("find", "a" * 201, ("201", "200")),
        ("photo", "../passwd", ("../passwd",)),
        ("region", "blur~erase~bx", ("bx",)),
        ("search", "telepathy", ("telepathy", "meaning", "token")),
        ("layer", "a b", ("a b",)),
        ("facets", "prediction,<b>", ("<b>", str(FACETS))),
        ("facets", ",".join(f"c{n}" for n in range(FACETS + 1)), (str(FACETS),)),
        ("across", "drop table;", ("drop table;",)),
        ("band", "best", ("best", "top", "bottom")),
        ("full", "yes", ("yes", "true")),
        ("target", "-1", ("-1", "0")),
        ("position", "-2", ("-2", "-1")),
        ("factor", "1e9", ("1e9", "100")),
        ("clamp", "nan", ("nan",)),
        ("wool", "yes", ("wool",)),
        ("no_method.items", "9", ("no_method",)),
    ],
)
def test_a_part_that_cannot_be_followed_is_named_with_its_limit(key: str, text: str, words: tuple[str, ...]) -> None:
    view, (problem,) = read({"prompt": "kept", key: text} if key != "prompt" else {key: text}, "digits-cnn")
    assert all(word in problem for word in words), problem
    assert view == View(model="digits-cnn", prompt="kept" if key != "prompt" else "")
