"""Acting on a unit on its card: the reader's own words or photo, the slider, the clamp, and what random units do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

from backend.data.samples import samples
from backend.methods.neurons.neuron_ablation import Ablation
from backend.models import catalog
from tests.app.visit import Visit
from tests.unit.methods.neurons.planted_transformer import DETECTORS, PLAN, build

PLANTED = "planted *change*"
(LAYER, UNIT), (COLOURS, COLOUR) = next(iter(DETECTORS.items()))
PROMPT = f"<s> w4 {COLOURS[0]}"


@pytest.fixture(scope="module", autouse=True)
def planted() -> Iterator[str]:
    """The planted transformer, on offer."""
    catalog.add_language_model(PLANTED, lambda: build(PLAN))
    yield PLANTED
    del catalog._operator.languages[PLANTED]


def text_card(**link: str) -> Visit:
    """The card of the neuron that fires on colours and writes "colour"."""
    return Visit("neurons", **({"model": PLANTED, "unit": f"{LAYER}:{UNIT}", "prompt": PROMPT} | link)).settle()


def photo_card(**link: str) -> Visit:
    """The card of a channel."""
    return Visit("neurons", **({"model": "digits-cnn", "unit": "stage3:2"} | link)).settle()


def effect(visit: Visit) -> Ablation:
    """The run that the card shows."""
    value = visit.snapshot("neuron_ablation")[1].value
    assert isinstance(value, Ablation)
    return value


def sentence(visit: Visit) -> str:
    """The sentence above the bars."""
    (found,) = [text for text in visit.texts if " nats" in text]
    return found


def html(visit: Visit) -> str:
    """The shaded texts' markup."""
    return "".join(block.proto.body for block in visit.app.main.get("html"))


def test_switched_off_the_detector_takes_its_word_along_and_random_units_do_not() -> None:
    visit = text_card()
    value = effect(visit)
    place = value.at(0.0)
    known = value.control_range(place)
    assert known is not None
    assert known[1] < value.kl[place]
    words = sentence(visit)
    assert words.startswith("Switched off")
    assert "10 random units of this layer" in words
    assert "so more than any of them" in words
    assert "Loss on the prompt's own tokens" in words
    bars = visit.figure("Probabilities as they are and changed")
    names = bars["layout"]["yaxis"]["ticktext"]
    was, now = bars["traces"][0]["x"], bars["traces"][1]["x"]
    assert now[names.index(COLOUR)] < was[names.index(COLOUR)]
    assert bars["traces"][1]["text"][0] == f"{now[0]:.2f}  was {was[0]:.2f}"


def test_the_slider_asks_nothing_anew_and_the_link_keeps_it() -> None:
    visit = text_card()
    asked = set(visit.asked())
    visit.labelled("slider", "Multiply its activation by").set_value(3.0)
    visit.settle()
    assert set(visit.asked()) == asked
    assert visit.link["factor"] == "3"
    assert sentence(visit).startswith("Multiplied by 3")
    again = text_card(factor="3")
    assert again.labelled("slider", "Multiply its activation by").value == 3.0
    assert sentence(again) == sentence(visit)


def test_a_factor_of_one_says_that_nothing_is_changed() -> None:
    assert sentence(text_card(factor="1")).startswith("At a factor of 1 nothing is changed")


def test_clamping_is_another_run_over_the_units_own_range() -> None:
    visit = text_card()
    visit.labelled("toggle", "Set it to a value instead").set_value(True)
    visit.settle()
    assert visit.link["clamp"] == "0"
    value = effect_of(visit, "clamp")
    slider = visit.labelled("select_slider", "Set its activation to")
    slider.set_value(slider.options[-1])
    visit.settle()
    assert sentence(visit).startswith("Set to ")
    assert float(visit.link["clamp"]) == pytest.approx(float(value.strengths[-1]), abs=0.006)


def effect_of(visit: Visit, mode: str) -> Ablation:
    """The run of that mode."""
    found = [s.value for s in visit.asked().values() if s.question.method == "neuron_ablation" and s.question.params.mode == mode]
    assert found
    return found[0]


def test_own_words_are_shaded_where_the_unit_fires_and_the_change_follows_them() -> None:
    visit = text_card()
    assert re.search(rf'title="{COLOURS[0]}  \+', html(visit))
    visit.labelled("text_area", "Your words").set_value(f"<s> w5 w6 {COLOURS[1]} w7")
    visit.settle()
    assert visit.link["prompt"] == f"<s> w5 w6 {COLOURS[1]} w7"
    assert any(f"at “{COLOURS[1]}”" in text for text in visit.texts)
    assert any("w7" in text and "The next token after" in text for text in visit.texts)


@pytest.mark.parametrize("prompt", ["<script>alert(1)</script> [a](http://b) $x$ *c*", "‮ \x00 é"])
def test_hostile_words_are_text(prompt: str) -> None:
    visit = text_card(prompt=prompt)
    assert "<script>" not in html(visit)
    assert not visit.app.exception


def test_too_many_words_are_told_with_their_limit() -> None:
    visit = text_card(prompt=" ".join(["w4"] * 600))
    assert any("The prompt has 600 tokens; the limit is 256" in problem for problem in visit.problems)


def test_a_channel_is_shown_over_the_photo_and_its_change_in_classes() -> None:
    visit = photo_card()
    value = effect(visit)
    bars = visit.figure("Probabilities as they are and changed")
    assert set(bars["layout"]["yaxis"]["ticktext"]) <= {str(digit) for digit in range(10)}
    assert sentence(visit).startswith("Switched off")
    assert "Loss" not in sentence(visit)
    curve = visit.figure("Divergence of the answer")
    assert len(curve["traces"]) == 4  # two edges of the controls' band, the line, the mark
    assert np.isfinite(value.kl).all()
    assert any("Largest value" in text for text in visit.texts)


def test_another_photo_is_another_run_and_stands_in_the_link() -> None:
    visit = photo_card()
    other = samples("digit")[4].name
    before = sentence(visit)
    visit.labelled("selectbox", "Photo").set_value(other)
    visit.settle()
    assert visit.link["photo"] == other
    assert sentence(visit) != before


def test_a_head_can_be_scaled_but_not_clamped() -> None:
    visit = text_card(unit="attention.1:0", clamp="2")
    assert not visit.problems
    assert not [toggle for toggle in visit.app.main.get("toggle") if "Set it to a value" in toggle.label]
    assert sentence(visit).startswith("Switched off")


def test_conductance_says_the_units_share_its_rank_and_what_the_sum_misses() -> None:
    visit = photo_card()
    visit.press("Measure").settle()
    value = visit.snapshot("conductance")[1].value
    shares = value.values["stage3"]
    rank = 1 + int((np.abs(shares) > abs(shares[2])).sum())
    (told,) = [text for text in visit.texts if text.startswith("It adds ")]
    assert f"number {rank} of {len(shares)} in size" in told
    assert f"sum to the change of {value.change:.2f} from the baseline within {abs(value.residuals['stage3']):.2f}" in told
    assert visit.figure("Shares of")["traces"][0]["x"][0] == pytest.approx(float(shares[np.abs(shares).argmax()]))
    assert value.target.index == effect(visit).base_first


def test_random_ablations_tell_their_test_and_its_control() -> None:
    visit = photo_card()
    visit.labelled("button_group", "Way").set_value("component_attribution")
    visit.settle()
    visit.press("Measure").settle()
    value = visit.snapshot("component_attribution")[1].value
    (told,) = [text for text in visit.texts if text.startswith("It adds ")]
    assert f"correlate with the truth by {value.correlation:.2f}" in told
    assert f"models of shuffled masks up to {value.shuffled.max():.2f}" in told


def test_a_decoders_layer_is_told_to_have_no_sum() -> None:
    visit = text_card()
    visit.press("Measure").settle()
    (told,) = [text for text in visit.texts if text.startswith("It adds ")]
    assert "other ways bypass this layer" in told
