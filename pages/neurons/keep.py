"""Keep a unit card: its link, its numbers and examples as files, and the lines of Python that ask the same."""

from __future__ import annotations

from functools import partial

import streamlit as st

from backend.data.corpora import CorpusError, image_corpus, text_corpus
from backend.data.pieces import piece_texts
from backend.engine import engine
from backend.methods.neurons.neuron_tokens import NeuronTokens
from backend.methods.question import Question
from backend.snippet import snippet
from backend.store.label_export import exported
from backend.store.labels import Labels
from backend.store.unit_index import BANDS
from pages.neurons.export import Seen, Shown, Written, card_json, examples_csv
from pages.neurons.link import address
from pages.neurons.phrases import Phrase, phrases
from pages.neurons.scene import Scene
from pages.neurons.writes import strongest, tokens_written


def tools(scene: Scene) -> None:
    """Copy link and Export, for the heading row."""
    link = full_address(scene)
    with st.popover("", icon=":material/link:", type="tertiary", help="Copy a link to this card"):
        st.caption("Opens this card, band and settings on this server. The index and photos stay here.")
        st.code(link, language=None, wrap_lines=True)
    with st.popover("", icon=":material/download:", type="tertiary", help="Export this card"):
        shown = gathered(scene, link)
        if shown is None:
            st.caption("There is nothing to export before the index has read something of the corpus.")
            return
        stem = f"vitrine-{shown.model}-{shown.unit.layer}-{shown.unit.index}"
        for label, made, name in (
            ("Card, JSON", card_json, f"{stem}.json"),
            ("Examples, CSV", examples_csv, f"{stem}.csv"),
        ):
            st.download_button(label, partial(made, shown), name, on_click="ignore", width="stretch")
        st.caption("The same from Python, beginning with what the unit changes:")
        st.code("\n\n".join((snippet(ablation_question(scene)), index_lines(shown))), language="python")


def full_address(scene: Scene) -> str:
    """The link to this card with the server it is on."""
    from urllib.parse import urljoin

    return urljoin(st.context.url or "", address(scene.view))


def ablation_question(scene: Scene) -> Question:
    """What switching the unit off changes on the sample under debugging."""
    assert scene.unit is not None
    return scene.view.question("neuron_ablation", scene.sample, layer=scene.unit.layer, unit=scene.unit.index)


def index_lines(shown: Shown) -> str:
    """Python that reads the unit from the index that the card shows."""
    return "\n".join(
        (
            "from backend.data.corpora import corpus",
            "from backend.methods.neurons.unit import Unit",
            "from backend.store.unit_index import open_index",
            "",
            f"index = open_index({shown.model!r}, {shown.revision!r}, corpus({shown.corpus.name!r}))",
            f"record = index.record(Unit({shown.unit.layer!r}, {shown.unit.index}))",
        )
    )


def gathered(scene: Scene, link: str) -> Shown | None:
    if scene.unit is None or scene.record is None or scene.index is None or scene.corpus is None:
        return None
    kind = next(layer.kind for layer in scene.layers if layer.name == scene.unit.layer)
    labels = exported(Labels(scene.view.model, scene.view.revision), scene.unit)
    return Shown(
        scene.view.model, scene.view.revision, scene.unit, kind, scene.corpus, scene.index.manifest.items, scene.record,
        _examples(scene), _written(scene), tuple(labels), link,
    )  # fmt: skip


def _examples(scene: Scene) -> dict[str, tuple[Phrase | Seen, ...]]:
    assert scene.record is not None
    assert scene.corpus is not None
    try:
        if not scene.reads_text:
            pictures = image_corpus(scene.corpus)
            return {
                band: tuple(Seen(e.value, e.item, pictures.source(e.item), e.place) for e in scene.record.examples[band])
                for band in BANDS
            }
        tokenizer = engine().workshop.tokenizer(scene.question_model)
        if tokenizer is None:
            return {}
        corpus = text_corpus(scene.corpus, tokenizer)
        return {band: tuple(phrases(scene.record.examples[band], corpus, tokenizer)) for band in BANDS}
    except CorpusError:
        return {}  # the examples' section says why


def _written(scene: Scene) -> tuple[Written, ...]:
    tokenizer = engine().workshop.tokenizer(scene.question_model)
    known = tokens_written(scene).value if scene.unit is not None and scene.unit.layer.startswith("mlp.") else None
    if tokenizer is None or not isinstance(known, NeuronTokens):
        return ()
    rows = strongest(known)
    texts = piece_texts(tokenizer, [token for token, _ in rows])
    return tuple(Written(token, text, logit) for (token, logit), text in zip(rows, texts, strict=True))
