"""Forms around a unit's names: give another, agree or not, take back, and see what a name was before."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from backend.limits import AUTHOR_CHARACTERS, LABEL_CHARACTERS
from backend.markdown import literal
from backend.methods.neurons.labels.rules import is_rule, read_rule
from backend.methods.params import ParameterError
from backend.places import PlaceError
from backend.store.labels import Label, LabelError, Labels
from pages.neurons.name_words import credit
from pages.neurons.scene import Scene

AUTHOR = "label_author"
RULE_HELP = (
    "What a test can match, where the name alone is no rule: “Monday” or “Friday”; the token after “of”; text with “calendar”; "
    "images seen as “3”; or a class of tokens such as numbers."
)


def kept(action: Callable[[], Any]) -> bool:
    """Do it, and say where the store does not take it; whether it was done."""
    try:
        action()
    except (LabelError, LookupError, PlaceError, ParameterError) as error:
        st.error(literal(str(error), 400), icon=":material/error:")
        return False
    return True


def author(place: str) -> str:
    """The reader's name, typed once a visit; `place` tells the fields that ask for it apart."""
    known, key = st.session_state.get(AUTHOR, ""), f"author_{place}"
    name = st.text_input("Your name", known, key=key, max_chars=AUTHOR_CHARACTERS, placeholder="as others will read it")
    st.session_state[AUTHOR] = name.strip()
    return name.strip()


def rename(scene: Scene, labels: Labels, first: Label | None) -> None:
    """A form that gives the unit a name of the reader's own; their own first name is edited, others stay beside it."""
    words = "Rename" if first is not None else "Name it"
    with st.popover(words, icon=":material/edit:"), st.form("name_form", border=False):
        text = st.text_input("Name", value=first.text if first else "", max_chars=LABEL_CHARACTERS)
        rule = st.text_input("Tested as", value=first.rule if first else "", max_chars=LABEL_CHARACTERS, help=RULE_HELP)
        name = author("rename")
        if st.form_submit_button("Save", type="primary") and kept(lambda: _save(scene, labels, first, text, rule, name)):
            st.rerun()


def _save(scene: Scene, labels: Labels, first: Label | None, text: str, rule: str, name: str) -> None:
    assert scene.unit is not None
    rule = rule.strip() or (text if is_rule(text) else "")
    if rule:
        read_rule(rule)
    if first is not None and first.source == "people" and first.author == name:
        labels.edit(first.id, text, author=name, rule=rule)
    else:
        label = labels.add(scene.unit, text, author=name, rule=rule)
        labels.vote(label.id, name, 1)


def all_names(labels: Labels, known: Sequence[Label]) -> None:
    """Every name of the unit with its votes, the way back, and its history."""
    with st.popover(f"All names ({len(known)})", icon=":material/list:"):
        voter = author("vote")
        for label in known:
            with st.container(border=True, gap="xsmall"):
                st.markdown(f"“{literal(label.text, 120)}”")
                st.caption(credit(label))
                _buttons(labels, label, voter)
                _history(labels, label)


def _buttons(labels: Labels, label: Label, voter: str) -> None:
    no_name = "Type your name first." if not voter else None
    with st.container(horizontal=True, gap="xsmall"):
        for words, icon, vote in (("Agree", "thumb_up", 1), ("Disagree", "thumb_down", -1)):
            pressed = st.button(
                words, key=f"vote_{vote}_{label.id}", icon=f":material/{icon}:", type="tertiary", disabled=not voter, help=no_name
            )
            if pressed and kept(lambda vote=vote: labels.vote(label.id, voter, vote)):  # type: ignore[misc]
                st.rerun()
        undo = "Undo the last change" if label.version > 1 else "Withdraw"
        pressed = st.button(undo, key=f"undo_{label.id}", icon=":material/undo:", type="tertiary")
        if pressed and kept(lambda: labels.undo(label.id)):
            st.rerun()


def _history(labels: Labels, label: Label) -> None:
    versions = labels.history(label.id)
    if len(versions) < 2:
        return
    with st.expander(f"{len(versions)} versions"):
        for version in versions:
            when = datetime.datetime.fromtimestamp(version.written).strftime("%d %b %H:%M")
            line = f"{version.number} · “{literal(version.text, 80)}” · {literal(version.author, 40)} · {when}"
            if version.number == label.version:
                st.caption(f"**{line}** · now")
                continue
            key = f"restore_{label.id}_{version.number}"
            pressed = st.button(line, key=key, type="tertiary", help="Make this the name again.")
            if pressed and kept(lambda number=version.number: labels.restore(label.id, number)):  # type: ignore[misc]
                st.rerun()
