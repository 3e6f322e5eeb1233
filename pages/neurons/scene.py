"""Everything that all parts of the neuron page share, worked out from the view before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

from backend.data import images
from backend.data.corpora import CorpusError, corpora, corpus
from backend.engine import engine
from backend.engine.job import Snapshot
from backend.methods.neurons.unit import Unit, read_unit
from backend.methods.params import ParameterError
from backend.methods.question import Corpus, Image, ModelRef, Prompt, Question
from backend.models.card import Card, UnitLayer
from backend.models.catalog import CatalogEntry, Entry, LanguageEntry, any_entry
from backend.store.unit_index import IndexDamaged, UnitIndex, UnitRecord, open_index
from components import jobs
from pages.neurons.view import View
from pages.saliency.scene import content_of

FIRST_PROMPT = "The capital of France is"


@dataclass(frozen=True)
class Scene:
    """What a run of the page shows.

    card: None while the model loads; question_model: how questions name it, with its revision once that is known.
    corpus: None where there is none (`problems` says why); index: None until its first checkpoint.
    unit, record: what the link's unit is, None in the explorer, before layers are known or before the index holds it.
    """

    view: View
    card: Card | None
    entry: Entry
    question_model: ModelRef
    corpus: Corpus | None
    index: UnitIndex | None
    unit: Unit | None
    record: UnitRecord | None
    problems: tuple[str, ...]

    @property
    def reads_text(self) -> bool:
        """Whether the model is a language model."""
        return isinstance(self.entry, LanguageEntry)

    @property
    def layers(self) -> tuple[UnitLayer, ...]:
        """The layers whose units can be read, from the model or from its index; empty while neither is there."""
        if self.card is not None:
            return self.card.units
        return self.index.manifest.layers if self.index is not None else ()

    @property
    def sample(self) -> Prompt | Image:
        """The prompt or photo under debugging."""
        return sample_of(self.view, self.entry)


def sample_of(view: View, entry: Entry) -> Prompt | Image:
    """The prompt or photo a view debugs, the page's own where it names none. Raises ImageError."""
    if isinstance(entry, CatalogEntry):
        return Image(content_of(view.photo, entry))
    return Prompt(view.prompt or FIRST_PROMPT)


def build(view: View) -> Scene:
    """The scene of a view. Asks the model for one answer, so that it is loaded; never waits for it."""
    entry = any_entry(view.model)
    card = engine().workshop.card(ModelRef(view.model))
    view = replace(view, revision=card.revision if card is not None else "")
    problems: list[str] = []
    view = _with_photo(view, entry, problems)
    read = _corpus(view, problems)
    index = _index(view, read, problems)
    scene = Scene(view, card, entry, view.ref, read, index, None, None, ())
    unit = _unit(scene, problems)
    record = index.record(unit) if index is not None and unit is not None else None
    return replace(scene, unit=unit, record=record, problems=tuple(problems))


def loading_question(view: View, entry: Entry) -> Question:
    """One cheap answer that a model must be loaded for."""
    first = View(model=view.model)
    return first.question("prediction", sample_of(first, entry))


def load(scene: Scene) -> Snapshot | None:
    """Ask for the model, which loads it; where that stands."""
    return jobs.ask(loading_question(scene.view, scene.entry), keep=False)


def _with_photo(view: View, entry: Entry, problems: list[str]) -> View:
    if isinstance(entry, LanguageEntry) or not view.photo:
        return view
    try:
        if images.exists(content_of(view.photo, entry)):
            return view
        problems.append(f"The photo {view.photo[:8]}… is not on this machine; the model's first sample is shown instead.")
    except images.ImageError as error:
        problems.append(str(error))
    return replace(view, photo="", region=None)


def _corpus(view: View, problems: list[str]) -> Corpus | None:
    names = [item.name for item in corpora(view.model)]
    if view.corpus and view.corpus not in names:
        problems.append(f"There is no corpus {view.corpus[:60]!r} for {view.model}; there are {', '.join(names) or 'none'}.")
    if not names:
        return None
    try:
        return corpus(view.corpus if view.corpus in names else names[0])
    except CorpusError as error:
        problems.append(str(error))
        return None


def _index(view: View, corpus: Corpus | None, problems: list[str]) -> UnitIndex | None:
    if corpus is None or not view.revision:
        return None
    try:
        return open_index(view.model, view.revision, corpus)
    except IndexDamaged as error:
        problems.append(str(error))
        return None


def _unit(scene: Scene, problems: list[str]) -> Unit | None:
    if not scene.view.unit or not scene.layers:
        return None
    try:
        return read_unit(scene.view.unit, scene.layers)
    except ParameterError as error:
        problems.append(str(error))
        return None
