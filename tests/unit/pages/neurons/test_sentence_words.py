"""Sentences about a sentence: they say what was measured, with its control, and nothing in a token is markup."""

from __future__ import annotations

import numpy as np
import pytest

from backend.evidence.finding import Finding, Measure, Verdict
from backend.methods.neurons.logit_lens import LogitLens
from backend.methods.steps import PassCount
from pages.neurons.sentence_words import heads_sentence, lead, lens_sentence, why

PASS, FAIL = "beats the control", "within the control"


def finding(insertion: Verdict | None, deletion: Verdict | None) -> Finding:
    measures = tuple(
        Measure(name, -2.0, {"random orders": (-5.0, -3.0)} if verdict else {}, "more", "log probability", verdict or FAIL)
        for name, verdict in (("insertion", insertion), ("deletion", deletion))
    )
    return Finding("token_deletion", measures, "", PassCount(), 0.0)


@pytest.mark.parametrize(("insertion", "deletion", "words"), [
    (PASS, PASS, ("holds, by both tests", "without them it goes sooner")),
    (PASS, FAIL, ("holds in part", "taken away, they are no better")),
    (FAIL, PASS, ("holds in part", "alone, they are no better")),
    (FAIL, FAIL, ("No map's order", "beats them in neither test")),
])  # fmt: skip
def test_a_map_is_praised_for_the_tests_it_passed(insertion: Verdict, deletion: Verdict, words: tuple[str, str]) -> None:
    said = lead({"Occlusion": finding(insertion, deletion)}, " Paris")
    assert all(part in said for part in words)


def test_nothing_is_said_before_the_controls_are_known() -> None:
    assert "Still measuring" in lead({"Occlusion": finding(None, None)}, " Paris")


def test_a_hostile_token_stays_text() -> None:
    said = lead({"Occlusion": finding(PASS, PASS)}, "*[a](http://b)*")
    assert r"\*\[a\]\(http" in said


def test_a_verdict_names_value_and_range() -> None:
    measure = Measure("insertion", -2.0, {"random orders": (-5.0, -3.0)}, "more", "log probability", "beats the control")
    assert why(measure) == (
        "Beats the control. Mean log probability -2.00, more is better. Controls: random orders -5.00 to -3.00."
    )


def test_the_lens_sentence_names_the_layer_from_which_the_answer_stands_for_good() -> None:
    rank = np.array([[9], [1], [4], [1], [1]], np.int32)  # layer 1 had it too, but lost it
    near, far = np.full((5, 1), 2.0, np.float32), np.full((5, 1), 7.0, np.float32)
    lens = LogitLens(("a",), np.zeros((5, 1, 5), np.int32), np.zeros((5, 1, 5), np.float32), near, rank, far, PassCount(), 0.0)
    said = lens_sentence(lens, 0, " Paris")
    assert "“Paris”, leads the lens **from layer 3 of 4 on**" in said
    assert "2.0 nats" in said
    assert "at other positions it is 7.0" in said


def test_the_heads_sentence_names_the_head_that_does_most() -> None:
    values = np.zeros((3, 4), np.float32)
    values[2, 1] = 0.9
    said = heads_sentence(values, "Mean weight", ("attention.0", "attention.1", "attention.2"))
    assert "**layer 2, head 1** (0.90)" in said
    assert "1 of 12 heads exceed a half" in said
    assert "no head of 12" in heads_sentence(values / 2, "Mean weight", ("attention.0", "attention.1", "attention.2"))
