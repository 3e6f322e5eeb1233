"""Everything one run of the page shows, worked out from the view before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from backend.data import images, regions, samples
from backend.data.framed import framed
from backend.engine import engine
from backend.methods.params import ParameterError
from backend.methods.prediction import Prediction
from backend.methods.question import Image, Question, Target
from backend.models.catalog import CatalogEntry, entry
from components import jobs
from components.figures.frame import enlarged
from components.pictures import picture
from pages.saliency.view import View

PHOTO_WIDTH = 190
PATIENCE = 1.5  # seconds a run waits for one forward pass before it draws without it


@dataclass(frozen=True)
class Row:
    """One sample with its maps: the photo under debugging, or what stands beside it.

    frame: uint8 (H, W, C), what the model sees. prediction: None while the model has not answered.
    """

    name: str
    title: str
    image: Image
    frame: np.ndarray
    prediction_question: Question
    prediction: Prediction | None
    failure: str
    questions: dict[str, Question]

    @property
    def picture(self) -> bytes:
        """The frame for the eye as a PNG, PHOTO_WIDTH wide: a small one with its pixels drawn as squares."""
        return picture(self.prediction_question.hash, lambda: picture_of(self.frame), PHOTO_WIDTH)


@dataclass(frozen=True)
class Scene:
    """The page's content. `target` is None until the first prediction is there; rows[0] is the photo under debugging."""

    view: View
    model: CatalogEntry
    rows: tuple[Row, ...]
    target: Target | None
    problems: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's class names."""
        return self.model.labels

    @property
    def questions(self) -> tuple[Question, ...]:
        """What the methods ask, row by row."""
        return tuple(chain.from_iterable(row.questions.values() for row in self.rows))

    @property
    def main(self) -> Row:
        """The photo under debugging."""
        return self.rows[0]


def build(view: View) -> Scene:
    """The scene of a view: photos loaded, predictions asked. Raises ImageError where the photo itself is not to be had."""
    model = entry(view.model)
    content = content_of(view.photo, model)
    rows = [_row(view, model, "photo", title_of(view.photo, model), Image(content))]
    problems: list[str] = []
    try:
        if view.erase:
            title = "Only the region kept" if view.erase.keep else "The region erased"
            rows.append(_row(view, model, "beside", title, Image(content, (view.erase,))))
        elif view.beside:
            rows.append(_row(view, model, "beside", title_of(view.beside, model), Image(content_of(view.beside, model))))
    except (images.ImageError, regions.RegionError) as error:
        problems.append(str(error))
    target, wrong = _target(view, model, rows[0].prediction)
    if target is not None:
        rows = [_asking(view, row, target, problems) for row in rows]
    return Scene(view, model, tuple(rows), target, tuple(problems + wrong))


def sample_frame(image: Image, model: CatalogEntry) -> np.ndarray:
    """What a model sees of an image, edits made, uint8 (H, W, C). Raises ImageError, RegionError."""
    pixels = framed(image.content, model.preprocess)
    return regions.apply(pixels, image.edits) if image.edits else pixels


def picture_of(pixels: np.ndarray) -> np.ndarray:
    """A frame (H, W, C) as `st.image` takes it, small ones enlarged."""
    large = enlarged(pixels)
    return large[..., 0] if large.shape[2] == 1 else large


def content_of(photo: str, model: CatalogEntry) -> str:
    """The content hash of a photo named in a link; the model's first sample where none is. Raises ImageError."""
    if len(photo) == 64:
        return photo
    return samples.sample_image(photo or samples.samples(kind_of(model))[0].name)


def title_of(photo: str, model: CatalogEntry) -> str:
    """What a photo is called on screen."""
    if len(photo) == 64:
        return "Your photo"
    return samples.sample(photo or samples.samples(kind_of(model))[0].name).title


def kind_of(model: CatalogEntry) -> samples.Kind:
    """Which gallery fits a model: digits for one channel, photos for three."""
    return "digit" if model.preprocess.channels == 1 else "photo"


def _row(view: View, model: CatalogEntry, name: str, title: str, image: Image) -> Row:
    pixels = sample_frame(image, model)
    question = view.question("prediction", image, None)
    jobs.ask(question, keep=False)
    snapshot = jobs.wait(question, PATIENCE) if engine().status().ready else jobs.look(question)
    prediction = snapshot.value if snapshot and snapshot.state == "finished" else None
    failure = snapshot.reason if snapshot and snapshot.state == "failed" else ""
    return Row(name, title, image, pixels, question, prediction, failure, {})


def _target(view: View, model: CatalogEntry, prediction: Prediction | None) -> tuple[Target | None, list[str]]:
    problems = []
    for name in ("explain", "against"):
        index = getattr(view, name)
        if index is not None and index >= len(model.labels):
            problems.append(f"Class {index} is outside 0 to {len(model.labels) - 1}, the classes of {model.name}.")
            view = replace(view, explain=None) if name == "explain" else replace(view, against=None)
    if prediction is None:
        return None, problems
    target = view.target(prediction.top(1)[0])
    if getattr(target, "against", None) == target.index:
        problems.append("A class against itself is zero everywhere; the class's own logit is explained instead.")
        target = replace(view, against=None).target(target.index)
    return target, problems


def _asking(view: View, row: Row, target: Target, problems: list[str]) -> Row:
    questions = {}
    for name in view.methods:
        try:
            questions[name] = view.question(name, row.image, target)
        except ParameterError as error:
            problems.append(str(error))
    return replace(row, questions=questions)
