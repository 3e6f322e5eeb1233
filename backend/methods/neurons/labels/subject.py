"""What a question about a label is about: the unit, its index, and the corpus with its tokens as texts."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from backend.data.corpora import corpus_entry, text_corpus
from backend.methods.neurons.labels.text_places import TextPlaces
from backend.methods.neurons.unit import Unit
from backend.methods.params import ParameterError
from backend.methods.question import Corpus, Question
from backend.models.card import Card, UnitLayer, unit_layer
from backend.store.unit_index import UnitIndex, open_index

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LEAST_SOURCES = 200
PLACES_KEPT = 2  # corpora; 10 MB each and as many masks again
_known: OrderedDict[tuple[str, int], tuple[Any, TextPlaces]] = OrderedDict()  # used on the engine's thread alone


def unit_of(question: Question, card: Card) -> Unit:
    """The unit of a question, its layer the middle one where none is named. Raises ParameterError naming the limit."""
    params = question.params
    layer = unit_layer(card, params.layer) if params.layer else _middle(card)
    if layer is None:
        names = ", ".join(item.name for item in card.units)
        raise ParameterError(f"Layer: there is no {params.layer[:40]!r} in {card.name}; there are {names[:200]}.")
    if params.unit >= layer.count:
        raise ParameterError(f"Unit: {params.unit} is outside 0 to {layer.count - 1}, the units of {layer.name}.")
    return Unit(layer.name, params.unit)


def _middle(card: Card) -> UnitLayer:
    layers = [layer for layer in card.units if layer.kind != "head"]
    return layers[len(layers) // 2]


def corpus_of(question: Question) -> Corpus:
    """The corpus of a question. Raises ParameterError where it has none, or one of too few sources for a label."""
    if not isinstance(question.inputs, Corpus):
        raise ParameterError(f"{question.method} is asked of a corpus.")
    entry = corpus_entry(question.inputs.name)
    if entry.kind == "images" and entry.sources < LEAST_SOURCES:
        raise ParameterError(
            f"{entry.title} are from {entry.sources} photos; a label needs {LEAST_SOURCES} or more, or it would name the photos. "
            f"Add a folder of {LEAST_SOURCES} or more photos to VITRINE_DATA."
        )
    return question.inputs


def index_of(question: Question, card: Card) -> UnitIndex:
    """The model's index over the question's corpus. Raises ParameterError where none has been started."""
    corpus = corpus_of(question)
    index = open_index(card.name, card.revision, corpus)
    if index is None or not len(index.sampled_items):
        raise ParameterError(f"There is no index of {card.name} over {corpus.name[:40]} yet. Start it on the neuron page first.")
    return index


def text_places_of(corpus: Corpus, tokenizer: Tokenizer) -> TextPlaces:
    """The corpus' tokens as texts, remembered. Raises CorpusError."""
    key = (corpus.content, id(tokenizer))
    if key not in _known:
        _known[key] = (tokenizer, TextPlaces(text_corpus(corpus, tokenizer), tokenizer))
        while len(_known) > PLACES_KEPT:
            _known.popitem(last=False)
    _known.move_to_end(key)
    return _known[key][1]
