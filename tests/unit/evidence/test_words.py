"""The written sentences, case by case."""

from __future__ import annotations

import pytest

from backend.evidence.finding import Finding, Measure, Verdict
from backend.evidence.words import verdict_sentences
from backend.methods.steps import PassCount

CONTROL = {"smooth random": (0.2, 0.3)}
BEATS: Verdict = "beats the control"
WITHIN: Verdict = "within the control"
FAILS: Verdict = "fails the control"


def outcome(insertion: Verdict, deletion: Verdict, controls: dict[str, tuple[float, ...]] = CONTROL) -> list[Finding]:
    measures = (
        Measure("insertion", 0.3, controls, "more", "probability", insertion),
        Measure("deletion", 0.2, controls, "less", "probability", deletion),
    )
    missing = Measure("missing logit", float("nan"), {}, "less", "share", "not promised")
    return [
        Finding("completeness", (missing,), "", PassCount(), 0.0),
        Finding("insertion_deletion", measures, "", PassCount(), 0.0),
    ]


BOTH, ENOUGH, NEEDED, NEITHER = outcome(BEATS, BEATS), outcome(BEATS, FAILS), outcome(WITHIN, BEATS), outcome(FAILS, WITHIN)


def test_maps_that_split_the_tests_read_as_in_the_design() -> None:
    found = {"Grad-CAM": ENOUGH, "RISE": ENOUGH, "Integrated Gradients": NEEDED, "Gradient": NEEDED}
    assert verdict_sentences(found, "cat") == (
        r"**In part, and not for the same thing.** *Grad\-CAM* and *RISE* mark what is **enough**: shown alone, it brings *cat* "
        "back sooner than random order. *Integrated Gradients* and *Gradient* mark what is **needed**: taken away, *cat* goes "
        "sooner.",
        "None does both, so no single map here is the whole answer.",
    )


@pytest.mark.parametrize(
    ("found", "lead", "end"),
    [
        ({"A": BOTH, "B": BOTH}, "**Yes, by both tests.**", "To beat random order is not yet to be right"),
        ({"A": BOTH}, "**Yes, by both tests.**", "To beat random order is not yet to be right"),
        ({"A": NEITHER, "B": NEITHER}, "**No, not on this photo.**", "nothing measured here says so."),
        ({"A": NEITHER}, "**No, not on this photo.**", "nothing measured here says so."),
        ({"A": BOTH, "B": NEITHER}, "**Some of them.**", "one that passes none shows nothing that was measured."),
        ({"A": BOTH, "B": ENOUGH}, "**Some of them.**", "A map that passes one test shows a part"),
        ({"A": ENOUGH, "B": NEITHER}, "**In part.**", "no single map here is the whole answer."),
        ({"A": NEEDED, "B": NEEDED}, "**In part.**", "no single map here is the whole answer."),
        ({"A": ENOUGH}, "**In part.**", "It does not do both"),
        ({"A": NEEDED}, "**In part.**", "It does not do both"),
    ],
)
def test_every_case_has_its_lead_and_its_limit(found: dict[str, list[Finding]], lead: str, end: str) -> None:
    first, second = verdict_sentences(found, "cat")
    assert first.startswith(lead)
    assert end in second


def test_verbs_agree_with_how_many_maps_there_are() -> None:
    assert "*A* marks what is **enough**" in verdict_sentences({"A": ENOUGH}, "cat")[0]
    assert "*A*, *B* and *C* mark what is **needed**" in verdict_sentences(dict.fromkeys("ABC", NEEDED), "cat")[0]
    assert verdict_sentences({"A": ENOUGH, "B": NEITHER}, "cat")[0].endswith("*B* marks neither.")


def test_alone_the_needed_say_against_what() -> None:
    assert "goes sooner than in random order." in verdict_sentences({"A": NEEDED}, "cat")[0]


def test_nothing_is_said_before_something_is_measured() -> None:
    assert verdict_sentences({}, "cat") == ()
    measuring = outcome(WITHIN, WITHIN, controls={})
    for found in ({"A": []}, {"A": measuring}, {"A": [], "B": measuring}):
        assert len(verdict_sentences(found, "cat")) == 1
        assert verdict_sentences(found, "cat")[0].startswith("**Still measuring.**")


def test_maps_still_measured_are_named_and_not_judged() -> None:
    sentences = verdict_sentences({"A": ENOUGH, "B": []}, "cat")
    assert sentences[2] == "*B* is still being measured."
    assert "*B*" not in sentences[0]
    assert verdict_sentences({"A": ENOUGH, "B": [], "C": []}, "cat")[2] == "*B* and *C* are still being measured."


def test_labels_are_shown_as_they_are_written() -> None:
    first = verdict_sentences({"A_b*": ENOUGH}, "cat\n# :red[x] $y$ <b>")[0]
    assert r"*A\_b\** marks" in first
    assert r"*cat \# \:red\[x\] \$y\$ \<b\>* back" in first
    assert "\n" not in first


def test_long_labels_are_cut() -> None:
    assert len(verdict_sentences({"A": ENOUGH}, "x" * 500)[0]) < 300


def test_there_is_never_one_score() -> None:
    for found in ({"A": BOTH}, {"A": NEITHER, "B": BOTH}):
        assert not any(character.isdigit() for sentence in verdict_sentences(found, "cat") for character in sentence)
