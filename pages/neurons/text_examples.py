"""A neuron's examples as shaded text: phrases from the index, whole texts by a pass of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from backend.data.corpora import CorpusError, text_corpus
from backend.engine import engine
from backend.markdown import literal
from backend.methods.neurons.unit_activations import UnitActivations
from backend.methods.question import Prompt
from backend.store.unit_index import UnitRecord
from components.tokens import HeatRow, show_heat_text
from pages.neurons.answers import answer
from pages.neurons.phrases import Phrase, item_ids, phrases
from pages.neurons.scene import Scene

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from backend.data.corpora import TokenCorpus

UNIT = "activation"


def rows(scene: Scene) -> None:
    """The band's examples, each with its value, its shaded tokens and its source; how many were folded."""
    tokenizer = engine().workshop.tokenizer(scene.question_model)
    if scene.corpus is None or scene.record is None or tokenizer is None:
        return
    try:
        corpus = text_corpus(scene.corpus, tokenizer)
    except CorpusError as error:
        st.error(literal(str(error), 300), icon=":material/error:")
        return
    examples = scene.record.examples[scene.view.band]
    found = phrases(examples, corpus, tokenizer)
    shown = [_whole(scene, phrase, corpus, tokenizer) if scene.view.full else heat_row(phrase) for phrase in found]
    show_heat_text(shown, limit=scale_end(scene.record), unit=UNIT)
    st.caption(_count(len(examples), found))


def heat_row(phrase: Phrase) -> HeatRow:
    """The phrase as a row of heat text, its peak underlined."""
    source = f"{phrase.source} · {phrase.times} ×" if phrase.times > 1 else phrase.source
    return HeatRow(phrase.tokens, phrase.values, _number(phrase.value), source, phrase.peak)


def scale_end(record: UnitRecord) -> float:
    """One scale for all bands of a unit: its largest activation of either sign."""
    return max(abs(record.minimum), abs(record.maximum))


def _whole(scene: Scene, phrase: Phrase, corpus: TokenCorpus, tokenizer: Tokenizer) -> HeatRow:
    """The whole text that the phrase is from; the phrase alone until its activations are there."""
    row = heat_row(phrase)
    if scene.unit is None:
        return row
    text = tokenizer.decode(list(item_ids(phrase.item, corpus)), skip_special_tokens=False)
    found = answer(scene, scene.view.question("unit_activations", Prompt(text), layers=scene.unit.layer))
    if not isinstance(found.value, UnitActivations):
        return row
    values = found.value.unit(scene.unit)
    values[:1] = np.nan  # where attention sinks; the index leaves it out too
    peak = int(np.nanargmin(np.abs(values - phrase.value))) if len(values) > 1 else None
    return HeatRow(found.value.tokens, values, row.lead, row.source, peak)


def _count(examples: int, found: list[Phrase]) -> str:
    folded = examples - len(found)
    told = "" if not folded else f" {folded} read the same as another and {'is' if folded == 1 else 'are'} folded into it."
    return f"{examples} examples.{told} The first token of a text is left out: attention sinks make it an outlier."


def _number(value: float) -> str:
    return (f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}").replace("-", "−")
