"""A channel's examples as pictures: the part of the photo that its strongest cell sees, or the photo with that part framed."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
import streamlit as st
from PIL import Image as Picture

from backend.data import images
from backend.data.corpora import CorpusError, corpus_entry, image_corpus
from backend.data.frames import Preprocess
from backend.data.images import ImageError
from backend.markdown import literal
from backend.methods.neurons.receptive_field import ReceptiveFields
from backend.methods.prediction import Prediction
from backend.methods.question import Box, Corpus, Image
from backend.models.catalog import CatalogEntry
from backend.store.unit_index import Example
from components.figures.crops import field_crop, framed_photo
from components.pictures import picture
from components.theme import current_theme
from pages.neurons.answers import answer
from pages.neurons.fields import awaited_words, field_box, field_words, fields
from pages.neurons.scene import Scene

COLUMNS, LEAST_WIDTH = 8, 100
CLASSES = "The class is the model's own first answer for the picture."


def grid(scene: Scene) -> None:
    """The band's examples, each with its value and what the model takes the picture for."""
    if scene.corpus is None or scene.record is None:
        return
    known = fields(scene)
    cells = st.grid(COLUMNS, min_column_width=LEAST_WIDTH, gap="small")
    for example in scene.record.examples[scene.view.band]:
        with cells.container(gap="xxsmall"):
            try:
                _example(scene, scene.corpus, example, field_box(scene, known, example.place))
            except (CorpusError, ImageError) as error:
                st.caption(literal(str(error), 200))
    st.caption(" ".join(filter(None, (ceiling(scene), _sizes(scene, known), CLASSES, _origin(scene.corpus)))))


def _example(scene: Scene, corpus: Corpus, example: Example, box: Box | None) -> None:
    assert isinstance(scene.entry, CatalogEntry)
    frame = _frame(corpus, example.item, scene.entry.preprocess)
    theme = current_theme()
    whole = partial(framed_photo, frame, box, theme)
    make = whole if box is None or scene.view.full else partial(field_crop, frame, box)
    name = f"{corpus.content} {example.item} {box} {scene.view.full} {theme} {scene.entry.preprocess}"
    st.image(picture(name, make), width="stretch", alt=_alt(scene, corpus, example, box))
    st.caption(f"**{example.value:.2f}** {literal(_class(scene, corpus, example), 40)}")


def _alt(scene: Scene, corpus: Corpus, example: Example, box: Box | None) -> str:
    what = "Picture" if box is None or scene.view.full else "Part of a picture"
    return f"{what} from {image_corpus(corpus).source(example.item)}; the unit's value is {example.value:.2f}"


def _class(scene: Scene, corpus: Corpus, example: Example) -> str:
    """The model's first answer for the picture; where the picture is from until that is known."""
    assert isinstance(scene.entry, CatalogEntry)
    content = stored(corpus, example.item, scene.entry.preprocess)
    found = answer(scene, scene.view.question("prediction", Image(content)), keep=False)
    if isinstance(found.value, Prediction):
        return scene.entry.labels[found.value.top(1)[0]]
    return image_corpus(corpus).source(example.item)


def _frame(corpus: Corpus, item: int, preprocess: Preprocess) -> np.ndarray:
    """What a model saw of an item, uint8 (H, W, C)."""
    return image_corpus(corpus).frame(item, preprocess)


@lru_cache(maxsize=2048)
def stored(corpus: Corpus, item: int, preprocess: Preprocess) -> str:
    """The content hash under which an item is kept so that the model's own way of framing gives exactly what was indexed.

    A model that crops photos would cut the border of an item off; the border is repeated outwards by as much.
    """
    return images.store(Picture.fromarray(padded(_frame(corpus, item, preprocess), preprocess).squeeze()))


def padded(frame: np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """The frame, uint8 (H, W, C), with its edges repeated so that `frames.frame` cuts exactly the frame out again."""
    height, width = frame.shape[:2]
    scale = preprocess.resize / min(height, width)
    more = [max(0, round(side * scale) - side) for side in (height, width)]
    return np.pad(frame, [*((extra // 2, extra - extra // 2) for extra in more), (0, 0)], mode="edge")


def _sizes(scene: Scene, known: ReceptiveFields | None) -> str:
    if known is None:
        return awaited_words(scene)
    if scene.unit is None or scene.unit.layer not in known.typical:
        return ""
    return field_words(known, scene.unit.layer)


def _origin(corpus: Corpus) -> str:
    """From how few photos the pictures are, where they are cut from photos."""
    pictures, sources = len(image_corpus(corpus)), corpus_entry(corpus.name).sources
    return f"All {pictures:,} pictures are cut from {sources} photos." if sources < pictures else ""


def ceiling(scene: Scene) -> str:
    """In words, that the unit cannot go higher, where many pictures reach the same largest value; else empty."""
    if scene.record is None or scene.index is None or scene.unit is None:
        return ""
    top = [example.value for example in scene.record.examples.get("top", ())]
    if len(top) < 2 or top[1] < scene.record.maximum:
        return ""
    values = scene.index.sampled_values(scene.unit)
    count = int((values >= scene.record.maximum).sum())
    return (
        f"{scene.record.maximum:.2f} is this unit's ceiling (ReLU6 cuts there): {count} of {len(values)} pictures drawn at "
        "random reach it, and the order among those that do is by mean activation."
    )
