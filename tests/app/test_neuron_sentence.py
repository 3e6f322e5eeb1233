"""Reading a sentence with the real engine: a small random decoder for the page's states, the default model for its answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from backend.limits import PROMPT_CHARACTERS
from backend.models import catalog
from tests.app.visit import Visit
from tests.unit.methods.neurons.sentence.models import llama, tokenizer

SMALL = "test-decoder"
TEXT = "w7 w39 w0 w20 w31 w12"


@pytest.fixture(scope="module", autouse=True)
def small_model() -> Iterator[None]:
    """An operator's random decoder of 40 words, on offer for these tests."""
    import torch

    catalog.add_language_model(SMALL, lambda: (llama(torch.float32).module, tokenizer()))
    yield
    del catalog._operator.languages[SMALL]


def visit(**link: str) -> Visit:
    return Visit("neurons", **({"model": SMALL, "mode": "sentence", "prompt": TEXT} | link))


@pytest.fixture(scope="module")
def first() -> Visit:
    """The view of the small model's sentence, everything answered."""
    return visit().settle()


def said(visited: Visit, words: str) -> bool:
    return any(words in text for text in visited.texts)


def test_every_part_of_the_view_is_there(first: Visit) -> None:
    assert first.problems == []
    assert first.title.startswith("Why “w")
    assert said(first, "6 tokens · explained is what follows the whole prompt")
    for alt in ("Bars of the next token", "Insertion curves of Occlusion of tokens", "Map of 4 layers by 6 tokens",
                "Map of 3 layers by 4 heads", "Weights of layer"):  # fmt: skip
        assert first.figure(alt)
    for title in ("Occlusion of tokens", "Gradient × embedding", "Integrated Gradients of tokens"):
        assert title in first.texts
    assert said(first, "the lens is")
    assert said(first, "at other positions it is")


def test_maps_are_heat_text_with_their_unit_and_check(first: Visit) -> None:
    blocks = [element.value for element in first.app.main.get("html")] if hasattr(first.app.main, "get") else []
    assert len([block for block in blocks if "w39" in str(block)]) >= 3
    assert said(first, "log probability · 7 passes")
    assert said(first, "logit · 1 pass")
    assert sum("insertion" in text for text in first.texts) >= 3


def test_a_click_on_a_bar_explains_that_token(first: Visit) -> None:
    bars = first.figure("Bars of the next token")
    ids: list[int] = bars["traces"][0]["customdata"]
    other = visit(target=str(ids[2])).settle()
    assert other.title == f"Why “w{ids[2]}”?"
    assert other.link["target"] == str(ids[2])
    assert other.has_button("Explain the first answer")


def test_another_position_has_another_answer(first: Visit) -> None:
    other = visit(position="2").settle()
    assert said(other, "explained is what follows “w0”")
    assert other.problems == []
    assert other.figure("Bars of the next token")["alt"] != first.figure("Bars of the next token")["alt"]


@pytest.mark.parametrize(("link", "words"), [
    ({"position": "6"}, "Position 6 is outside 0 to 5, the tokens of the prompt"),
    ({"target": "40"}, "Token 40 is outside 0 to 39"),
    ({"head": "attention.9:0"}, "no layer 'attention.9'"),
    ({"head": "attention.1:7"}, "There is no unit '7' in attention.1"),
    ({"lens": "x"}, "The link's lens, 'x', is none of probability, divergence, rank"),
])  # fmt: skip
def test_what_a_link_cannot_mean_is_told_and_the_rest_is_shown(link: dict[str, str], words: str) -> None:
    found = visit(**link).settle()
    assert any(words in problem for problem in found.problems), found.problems
    assert found.figure("Map of 4 layers by 6 tokens")


def test_a_prompt_beyond_the_limit_is_told_with_the_limit() -> None:
    found = visit(prompt="w7 " * 70).settle()
    assert any("The prompt has 70 tokens; the limit is 64" in problem for problem in found.problems)
    with pytest.raises(StopIteration):
        found.figure("Map of")
    far = visit(prompt="w7 " * 100_000).run()
    assert any(f"300,000 characters; the limit is {PROMPT_CHARACTERS:,}" in problem for problem in far.problems)


@pytest.mark.parametrize(("typed", "words"), [
    ("  \n ", "The prompt is empty"),
    ("w7 " * 100_000, f"The prompt has 300,000 characters; the limit is {PROMPT_CHARACTERS:,}"),
])  # fmt: skip
def test_a_prompt_that_cannot_be_read_is_told_and_the_one_before_stays(typed: str, words: str) -> None:
    found = visit().settle()
    box: Any = next(area for area in found.app.text_area if "Prompt" in area.label)
    box.set_value(typed)
    found.run()
    assert any(words in problem for problem in found.problems)
    assert found.link["prompt"] == TEXT
    assert found.figure("Map of 4 layers by 6 tokens")


def test_a_word_is_searched_and_one_that_is_no_token_is_told() -> None:
    found = visit().settle()
    found.labelled("text_input", "Explain another token").set_value("w33")
    found.settle()
    assert found.title == "Why “w33”?"
    found.labelled("text_input", "Explain another token").set_value("w3 w4")
    found.run()
    assert any("“w3 w4” is 2 tokens for this model" in problem for problem in found.problems)
    assert found.title == "Why “w33”?"


def test_heads_lens_and_lengths_stand_in_the_link() -> None:
    found = visit(head="attention.1:2", heads="induction", lens="rank", sized="true").settle()
    assert found.problems == []
    assert found.figure("Weights of layer 1, head 2")
    assert found.figure("Map of 3 layers by 4 heads: induction")
    assert found.figure("Map of 4 layers by 6 tokens: rank of the answer")
    assert said(found, "in texts without repetition")


def test_a_hostile_prompt_is_shown_as_the_characters_it_is() -> None:
    text = "<script>alert(1)</script> *b* $x$ [a](http://b) :red[r]"
    found = visit(prompt=text).settle()
    assert found.problems == []
    assert not any("<script>" in str(element.value) for element in found.app.main.get("html"))


def test_the_default_model_says_paris_and_which_tokens_it_comes_from() -> None:
    found = Visit("neurons", model="smollm2-135m-instruct", mode="sentence", **{"token_ig.steps": "8"}).settle()
    assert found.title == "Why “Paris”?"
    assert found.figure("Bars of the next token: ·Paris 0.77")
    assert said(found, "“Paris”, leads the lens from layer")
    assert found.problems == []
