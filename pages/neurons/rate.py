"""Rate 20 examples: the reader says of samples, without seeing the activation, whether the name fits; what that amounts to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from backend.data.corpora import CorpusError, image_corpus, text_corpus
from backend.data.images import ImageError
from backend.engine import engine
from backend.markdown import literal
from backend.methods.neurons.labels.firing import examples_of
from backend.methods.neurons.labels.ratings import RATED, Pool, Rated, correlation, draw, guessed, merged
from backend.models.catalog import CatalogEntry
from backend.places import PlaceError
from backend.store.labels import Label, LabelError, Labels
from backend.store.ratings import Rating, Ratings, by_rater
from components.tokens import HeatRow, show_heat_text
from pages.neurons.name_forms import author
from pages.neurons.phrases import item_ids
from pages.neurons.scene import Scene

HELP = (
    "Twenty samples, drawn where they tell most about the name and weighted back to the whole corpus. You do not see what the "
    "unit does. Several raters are merged by how reliable each turns out to be."
)


OPEN = "rating_label"


@dataclass(frozen=True)
class Sheet:
    """The samples to rate. name: of the draw. items: int (pool,), corpus numbers of the pool's samples."""

    name: str
    items: np.ndarray
    pool: Pool
    rated: Rated

    @property
    def shown(self) -> list[int]:
        """Numbers in the pool of the samples to show, each once, in an order that tells nothing."""
        return sorted(set(self.rated.drawn.tolist()), key=lambda number: int(self.items[number]))


def sheet(scene: Scene, label: Label) -> Sheet | None:
    """The label's samples: the same for all raters as long as the index holds the same; None before it holds any."""
    if scene.index is None or scene.unit is None or scene.corpus is None or scene.record is None:
        return None
    seen, total = len(scene.index.sampled_items), scene.index.manifest.items
    examples = examples_of(scene.index, scene.unit)
    if seen < 2 or len(examples) < 2:
        return None
    uniform = set(scene.index.sampled_items.tolist())
    extreme = np.array([example.item not in uniform for example in examples])
    # The largest of all items stand for themselves, those drawn uniformly for the rest.
    shares = np.where(extreme, 1 / total, (1 - extreme.sum() / total) / seen)
    pool = Pool(np.array([example.value for example in examples], dtype=np.float64), shares / shares.sum())
    seed = int.from_bytes(f"{label.id}{label.version}".encode(), "big") % 2**31
    items = np.array([example.item for example in examples])
    return Sheet(f"{scene.corpus.content[:16]} {total}", items, pool, draw(pool, guessed(pool), RATED, seed))


def button(scene: Scene, labels: Labels, label: Label) -> None:
    """Opens the rating of the first name, which then stays open whatever else the page draws."""
    found = sheet(scene, label)
    if st.button("Rate 20 examples", icon=":material/rule:", disabled=found is None, help=HELP):
        st.session_state[OPEN] = label.id
    if found is not None and st.session_state.get(OPEN) == label.id:
        _rate(scene, label, found)


def _close() -> None:
    st.session_state.pop(OPEN, None)


def result(scene: Scene, labels: Labels, label: Label) -> None:
    """What the ratings amount to, once a rater has judged all samples."""
    found = sheet(scene, label)
    if found is None:
        return
    answers = by_rater(Ratings(label, labels.database).all(found.name))
    complete = {rater: own for rater, own in answers.items() if all(int(found.items[n]) in own for n in found.shown)}
    if not complete:
        return
    items = [int(item) for item in found.items]
    chances = merged(complete, items, np.full(len(items), 0.3))
    estimate = correlation(found.pool, found.rated, chances[found.rated.drawn])
    if not np.isfinite(estimate.value):
        st.caption(f"{_raters(len(complete))}: the name fits all samples shown or none, so it cannot go with the activation.")
        return
    numbers = f"{estimate.value:+.2f} ({estimate.low:+.2f} to {estimate.high:+.2f})".replace("-", "−")
    st.caption(
        f"**People:** correlation with the activation {numbers}, {_raters(len(complete))}; 0 for a name that tells nothing."
    )


def _raters(count: int) -> str:
    return f"{count} rater" if count == 1 else f"{count} raters"


@st.dialog("Does the name fit?", width="medium", on_dismiss=_close)
def _rate(scene: Scene, label: Label, found: Sheet) -> None:
    st.markdown(f"“{literal(label.text, 120)}”")
    rater = author("rate")
    ratings = Ratings(label)
    own = by_rater(ratings.all(found.name)).get(rater, {})
    open_ones = [number for number in found.shown if int(found.items[number]) not in own]
    if not open_ones:
        st.success("All samples are rated. Thank you.", icon=":material/check_circle:")
        if st.button("Close", type="primary", on_click=_close):
            st.rerun()
        return
    done = len(found.shown) - len(open_ones)
    st.progress(done / len(found.shown), f"{done} of {len(found.shown)} rated")
    number = open_ones[0]
    _sample(scene, int(found.items[number]))
    with st.container(horizontal=True):
        for words, answer in (("It fits", True), ("It does not", False)):
            st.button(
                words, key=f"rate_{answer}", disabled=not rater, help=None if rater else "Type your name first.",
                on_click=_keep, args=(ratings, found, number, rater, answer),
            )  # fmt: skip


def _keep(ratings: Ratings, found: Sheet, number: int, rater: str, answer: bool) -> None:
    try:
        ratings.keep(_rating(found, number, rater, answer))
    except (LabelError, PlaceError) as error:
        st.toast(literal(str(error), 300), icon=":material/error:")


def _rating(found: Sheet, number: int, rater: str, answer: bool) -> Rating:
    at = int(np.flatnonzero(found.rated.drawn == number)[0])
    value, weight = float(found.pool.values[number]), float(found.rated.weights[at])
    return Rating(int(found.items[number]), rater, found.name, value, weight, answer)


def _sample(scene: Scene, item: int) -> None:
    """The sample as the model reads it, without the unit's values."""
    assert scene.corpus is not None
    try:
        if isinstance(scene.entry, CatalogEntry):
            size = scene.entry.preprocess
            frame = image_corpus(scene.corpus).frame(item, size)
            st.image(frame[..., 0] if frame.shape[2] == 1 else frame, width=240)
            return
        tokenizer = engine().workshop.tokenizer(scene.question_model)
        if tokenizer is not None:
            _text(scene, item, tokenizer)
    except (CorpusError, ImageError) as error:
        st.error(literal(str(error), 300), icon=":material/error:")


def _text(scene: Scene, item: int, tokenizer: object) -> None:
    from backend.data.pieces import piece_texts

    corpus = text_corpus(scene.corpus, tokenizer)  # type: ignore[arg-type]
    pieces = piece_texts(tokenizer, item_ids(item, corpus))  # type: ignore[arg-type]
    row = HeatRow(pieces, np.zeros(len(pieces), np.float32), "", corpus.source(item))
    show_heat_text([row], limit=1.0, unit="activation")
