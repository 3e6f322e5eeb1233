"""Is the name right? The unit's names by people and machine, the test of the first beside other units' names, and ratings."""

from __future__ import annotations

from typing import Any

import streamlit as st

from backend.engine.stepping import QueueFull
from backend.markdown import literal
from backend.methods.neurons.label_neuron import LabelProposal
from backend.methods.neurons.labels.rules import is_rule, read_rule
from backend.methods.neurons.test_label import LabelTest, label_numbers
from backend.methods.params import ParameterError
from backend.methods.question import Question
from backend.places import PlaceError
from backend.store.labels import Label, Labels
from components import jobs
from components.figures.label_test import label_scores, scores_height
from components.live import poll_interval, rest
from components.live_figure import live_figure
from components.theme import current_theme
from pages.neurons import answers, name_forms, rate
from pages.neurons.export import NOTES
from pages.neurons.name_words import NO_RULE, Numbers, credit, effect_words, score_rows, verdict_words
from pages.neurons.scene import Scene

MACHINE = "label_neuron"
HELP = (
    "Precision: of the places where the unit fires, how many the name is true of. Recall: of the places where the name is true, "
    "at how many it fires. The threshold is chosen on one half of the samples and all is reported on the other; the name was "
    "made from none of them. Grey: names of other units, tested on this unit in the same way."
)


def section(scene: Scene) -> None:
    """The first name with its test, and the ways to change, judge and test names."""
    st.markdown("**Is the name right?**", help=HELP)
    if scene.unit is None or scene.card is None or not scene.view.revision:
        st.caption("Names follow once the model is loaded.")
        return
    try:
        labels = Labels(scene.view.model, scene.view.revision)
        _propose(scene, labels)
        known = labels.of(scene.unit)
    except PlaceError as error:
        st.error(literal(str(error), 300), icon=":material/error:")
        return
    if known:
        _first(scene, labels, known[0])
    with st.container(horizontal=True, gap="xsmall"):
        name_forms.rename(scene, labels, known[0] if known else None)
        if known:
            name_forms.all_names(labels, known)
            rate.button(scene, labels, known[0])


def _propose(scene: Scene, labels: Labels) -> None:
    """Ask the machine for a name and keep it; told where there is none and why."""
    question = proposal_question(scene)
    if question is None:
        st.caption("A machine's name follows the index of examples.")
        return
    found = answers.answer(scene, question)
    if found.problem:
        st.caption(literal(found.problem, 400))
    elif isinstance(found.value, LabelProposal) and found.value.label:
        assert scene.unit is not None
        labels.propose(scene.unit, read_rule(found.value.label).name, rule=found.value.label, method=MACHINE)
    elif isinstance(found.value, LabelProposal):
        st.caption(found.value.note)
    else:
        st.skeleton(28)


def proposal_question(scene: Scene) -> Question | None:
    """What asks the machine for the unit's name; None before the index holds examples of it."""
    if scene.unit is None or scene.index is None or scene.record is None or scene.corpus is None:
        return None
    return scene.view.question(MACHINE, scene.corpus, **_subject(scene))


def check_question(scene: Scene, label: Label) -> Question | None:
    """What tests a label; None where no rule can match it, or before the index holds the unit."""
    if scene.unit is None or scene.index is None or scene.corpus is None or not is_rule(label.rule):
        return None
    return scene.view.question("test_label", scene.corpus, **_subject(scene), label=label.rule)


def _subject(scene: Scene) -> dict[str, Any]:
    assert scene.unit is not None
    assert scene.index is not None
    return {"layer": scene.unit.layer, "unit": scene.unit.index, "items": scene.index.manifest.items}


def _first(scene: Scene, labels: Labels, label: Label) -> None:
    st.markdown(f"“{literal(label.text, 120)}”")
    st.caption(credit(label))
    rate.result(scene, labels, label)
    question = check_question(scene, label)
    if question is None:
        st.caption(NO_RULE if not is_rule(label.rule) else "It can be tested once the index holds the unit.")
        return
    snapshot = jobs.look(question)
    active = snapshot is not None and not snapshot.final
    st.fragment(_follow, run_every=poll_interval(active))(labels, label, question, active)


def _follow(labels: Labels, label: Label, question: Question, active_before: bool) -> None:
    """The test as it stands: under way, finished, kept from before, or to be started."""
    snapshot = jobs.look(question)
    active = snapshot is not None and not snapshot.final
    if snapshot is not None and isinstance(snapshot.value, LabelTest):
        numbers = label_numbers(snapshot.value)
        if snapshot.state == "finished" and dict(label.test) != numbers:
            labels.keep_test(label, question.hash, numbers)
        _shown(numbers, labels.model, active)
    elif label.test:
        _shown(label.test, labels.model, False)
    if snapshot is not None and snapshot.state == "failed":
        st.caption(literal(f"{snapshot.reason} {snapshot.hint}", 400))
    elif active:
        st.progress(snapshot.done / snapshot.total if snapshot and snapshot.total else 0.0, "Testing on texts it has not seen")
        if st.button("Stop", key="name_stop", type="tertiary", icon=":material/stop:"):
            jobs.leave([question])
    elif snapshot is None or snapshot.state == "stopped":
        _start_button(question, "Test again" if label.test else "Test the name")
    rest(active_before, active)


def _start_button(question: Question, words: str) -> None:
    if st.button(words, key="name_test", icon=":material/fact_check:", help="Reads a few hundred texts, about a minute."):
        try:
            jobs.ask(question)
        except (ParameterError, QueueFull) as error:
            st.error(literal(str(error), 400), icon=":material/error:")
            return
        st.rerun()


def _shown(numbers: Numbers, model: str, active: bool) -> None:
    rows = score_rows(numbers)
    if not rows:
        return
    words = verdict_words(numbers, not active)
    live_figure(
        label_scores(rows, current_theme()), key="name_scores", height=scores_height(len(rows)), alt=words.replace("**", "")
    )
    st.markdown(words)
    effects = effect_words(numbers)
    if effects:
        st.caption(effects)
    if not active and "protocol" in numbers:
        protocol = str(numbers["protocol"]).replace(model, NOTES.get(model, model), 1)
        st.caption(f"● this name, 95 % interval · grey: other units' names, least to most. {literal(protocol, 700)}")
