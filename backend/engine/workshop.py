"""What questions share while they run on one device: loaded models, frames, sweeps and known results."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from backend.data import regions
from backend.data.framed import framed
from backend.engine.sweeps import SweepCache
from backend.limits import MODELS_IN_MEMORY, RESULTS_IN_MEMORY, SWEEP_CACHE_BYTES
from backend.methods.question import Image, ModelRef, Question, RandomiseWeights
from backend.models.card import Card, LanguageCard, ModelCard
from backend.models.catalog import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from backend.engine.chunks import Speed
    from backend.models.loaded import ImageModel, LanguageModel


class Archive(Protocol):
    """Where finished and stopped runs are kept beyond this process."""

    def record(self, question: Question, result: Any, *, state: str, done: int, total: int, seconds: float) -> None: ...
    def recall(self, question: Question) -> Any | None: ...


class Workshop:
    """Models, frames, sweeps and results of one device. Used by the engine's thread; results and cards by all."""

    def __init__(self, device: str, archive: Archive | None = None) -> None:
        self.device = device
        self.archive = archive
        self.sweeps = SweepCache(SWEEP_CACHE_BYTES)
        self._models: OrderedDict[tuple[Any, ...], ImageModel | LanguageModel] = OrderedDict()
        self._cards: dict[tuple[str, str], Card] = {}
        self._tokenizers: dict[str, Tokenizer] = {}
        self._speeds: dict[tuple[str, str], Speed] = {}
        self._results: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def model(self, ref: ModelRef, edits: tuple[Any, ...] = ()) -> Any:
        """The model, loaded and with edited weights, the least recently used one dropped first. Raises ModelError.

        Edits of units change passes and not the model, so they are none of this method's business.
        """
        edits = tuple(edit for edit in edits if isinstance(edit, RandomiseWeights))
        key = (ref.name, ref.dtype, edits)
        loaded = self._models.get(key) or self._loaded(ref, edits)
        if ref.revision and ref.revision != loaded.card.revision:
            raise ModelError(f"{ref.name}: revision {ref.revision[:20]} is not on this machine, {loaded.card.revision} is.")
        with self._lock:
            self._models[key] = loaded
            if not edits:
                self._cards[ref.name, ref.dtype] = loaded.card
                if isinstance(loaded.card, LanguageCard):
                    self._tokenizers[ref.name] = loaded.tokenizer
            self._models.move_to_end(key)
            while len(self._models) > MODELS_IN_MEMORY:
                self._models.popitem(last=False)
        return loaded

    def _loaded(self, ref: ModelRef, edits: tuple[RandomiseWeights, ...]) -> ImageModel | LanguageModel:
        if edits:
            from backend.models.edits import edited

            return edited(self.model(ref), edits)
        from backend.models.loading import load_any

        return load_any(ref, self.device)

    def card(self, ref: ModelRef) -> Any:
        """The card of a model that has been loaded here, whatever its revision; None otherwise.

        A card outlives its model: answers that are known stay on screen when the model has made room for others.
        """
        return self._cards.get((ref.name, ref.dtype))

    def tokenizer(self, ref: ModelRef) -> Tokenizer | None:
        """The tokenizer of a language model that has been loaded here; None otherwise. For reading, by any thread."""
        return self._tokenizers.get(ref.name)

    def speed(self, ref: ModelRef) -> Speed:
        """The measured pace of a model, shared by all its passes."""
        from backend.engine.chunks import Speed

        return self._speeds.setdefault((ref.name, ref.dtype), Speed())

    def frame(self, image: Image, card: ModelCard) -> np.ndarray:
        """The image in the model's frame with its edits made, uint8 (H, W, C). Raises ImageError."""
        pixels = framed(image.content, card.preprocess)
        return regions.apply(pixels, image.edits) if image.edits else pixels

    def known(self, question: Question) -> Any | None:
        """The finished result of a question, from memory or from the archive; None where there is none.

        Only a question that names the revision of its weights is looked up in the archive: others mean the newest.
        """
        name = question.hash
        with self._lock:
            if name in self._results:
                self._results.move_to_end(name)
                return self._results[name]
        value = self.archive.recall(question) if self.archive and question.model.revision else None
        if value is not None:
            self.keep(question, value)
        return value

    def keep(self, question: Question, value: Any) -> None:
        """Remember a finished result in memory."""
        with self._lock:
            self._results[question.hash] = value
            while len(self._results) > RESULTS_IN_MEMORY:
                self._results.popitem(last=False)
