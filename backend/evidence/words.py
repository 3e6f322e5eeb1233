"""What the checks of some maps mean together, in two written sentences; never one overall score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.evidence.finding import Finding, Measure
from backend.markdown import literal

ENOUGH, NEEDED = "insertion", "deletion"


def verdict_sentences(found: Mapping[str, Sequence[Finding]], label: str) -> tuple[str, ...]:
    """Markdown sentences for the maps by title: what they are good for, how far that goes, and what is still open.

    `label` names the target. Both may hold any characters; they are shown as they are.
    """
    verdicts = {title: _verdicts(findings) for title, findings in found.items()}
    decided = {title: passed for title, passed in verdicts.items() if passed is not None}
    open_titles = [title for title, passed in verdicts.items() if passed is None]
    if not decided:
        return ("**Still measuring.** Each map's order of pixels is being tried against random ones.",) if found else ()
    first = f"**{_lead(decided)}** {_statements(decided, _shown(label))}"
    pending = (f"{_names(open_titles)} {_verb(open_titles, 'is', 'are')} still being measured.",) if open_titles else ()
    return (first, _limits(decided), *pending)


def _verdicts(findings: Sequence[Finding]) -> frozenset[str] | None:
    """Which of the two tests a map passed; None until both are decided."""
    measures = {measure.name: measure for finding in findings for measure in finding.measures}
    tests = [measures.get(ENOUGH), measures.get(NEEDED)]
    if not all(test is not None and _is_decided(test) for test in tests):
        return None
    return frozenset(test.name for test in tests if test is not None and test.verdict == "beats the control")


def _is_decided(measure: Measure) -> bool:
    """A measure without controls is still being measured."""
    return bool(measure.controls)


def _lead(decided: Mapping[str, frozenset[str]]) -> str:
    kinds = set(decided.values())
    if kinds == {frozenset({ENOUGH, NEEDED})}:
        return "Yes, by both tests."
    if kinds == {frozenset()}:
        return "No, not on this photo."
    if frozenset({ENOUGH, NEEDED}) in kinds:
        return "Some of them."
    if {frozenset({ENOUGH}), frozenset({NEEDED})} <= kinds:
        return "In part, and not for the same thing."
    return "In part."


def _statements(decided: Mapping[str, frozenset[str]], label: str) -> str:
    """One clause a group of maps: those that pass both tests, one of them, or none."""
    groups = {kind: [title for title, passed in decided.items() if passed == kind] for kind in decided.values()}
    both, enough, needed, neither = (
        groups.get(frozenset(kind), []) for kind in ({ENOUGH, NEEDED}, {ENOUGH}, {NEEDED}, set[str]())
    )
    if len(neither) == len(decided):
        return (
            f"In the order of {_names(neither)}, pixels shown alone bring {label} back no sooner than in random order, "
            f"and taken away, {label} goes no sooner."
        )
    clauses = []
    alone = f"shown alone, it brings {label} back sooner than random order"
    if both:
        mark = _verb(both, "marks", "mark")
        clauses.append(
            f"{_names(both)} {mark} what is **enough** and what is **needed**: {alone}, and taken away, {label} goes sooner."
        )
    if enough:
        clauses.append(f"{_names(enough)} {_verb(enough, 'marks', 'mark')} what is **enough**: {alone}.")
    if needed:
        sooner = "sooner" if enough or both else "sooner than in random order"
        clauses.append(
            f"{_names(needed)} {_verb(needed, 'marks', 'mark')} what is **needed**: taken away, {label} goes {sooner}."
        )
    if neither:
        clauses.append(f"{_names(neither)} {_verb(neither, 'marks', 'mark')} neither.")
    return " ".join(clauses)


def _limits(decided: Mapping[str, frozenset[str]]) -> str:
    """How far the first sentence goes."""
    passed = [len(tests) for tests in decided.values()]
    if min(passed) == 2:
        return "To beat random order is not yet to be right: another map may beat it too and look different."
    if max(passed) == 2:
        return "A map that passes one test shows a part of the answer, and one that passes none shows nothing that was measured."
    if max(passed) == 0:
        return "What is marked may still matter, but nothing measured here says so."
    if len(decided) == 1:
        return "It does not do both, so it is not the whole answer."
    return "None does both, so no single map here is the whole answer."


def _names(titles: Sequence[str]) -> str:
    shown = [_shown(title) for title in titles]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _verb(titles: Sequence[str], singular: str, plural: str) -> str:
    return singular if len(titles) == 1 else plural


def _shown(text: str) -> str:
    """Someone else's words in italics, as the characters they are."""
    return f"*{literal(text, 60)}*"
