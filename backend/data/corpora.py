"""The corpora on offer for a model, by name, as values that questions carry, and as what a model reads of them."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from tokenizers import Tokenizer

from backend.data import digits, documents
from backend.data import image_corpus as pictures
from backend.data.documents import Document
from backend.data.image_corpus import CROPS, ImageCorpus, Photo, crops, digit_pictures
from backend.data.own_files import OwnFolder, has_texts, own_folders, own_photos, own_texts
from backend.data.token_corpus import TokenCorpus, token_corpus
from backend.methods.question import Corpus
from backend.models.catalog import CatalogEntry, any_entry

__all__ = [
    "CorpusEntry", "CorpusError", "ImageCorpus", "TokenCorpus", "corpora", "corpus", "corpus_entry", "image_corpus",
    "text_corpus",
]  # fmt: skip

Kind = Literal["text", "images"]
SMALL = 32  # pixels; models of smaller frames read digits, not photos
OWN = "folder-"
_VERSION = 1  # of how crops are drawn: part of what an image corpus is
_REMEMBERED = 4  # corpora cut into tokens, a few MB each

_lock = threading.RLock()
# Keys hold the tokenizer's id; the tokenizer itself is kept, so that no other gets the same.
_cut: OrderedDict[tuple[str, int], tuple[Tokenizer, TokenCorpus]] = OrderedDict()


class CorpusError(ValueError):
    """A corpus that is not there, or holds nothing; the message names it and the way out."""


@dataclass(frozen=True)
class CorpusEntry:
    """A corpus on offer: its name in links, its title, its kind, a sentence about it, and from how many sources it is made."""

    name: str
    title: str
    kind: Kind
    summary: str
    sources: int


def corpora(model: str) -> tuple[CorpusEntry, ...]:
    """What a model of that name can be shown, the default first. Raises ModelError for an unknown model."""
    offered = any_entry(model)
    if not isinstance(offered, CatalogEntry):
        return tuple(corpus_entry(name) for name in ("documents", "languages", *_own_names()))
    size = offered.preprocess
    if size.channels == 1 and max(size.height, size.width) < SMALL:
        return corpus_entry("digits"), corpus_entry("digits-held-out")
    return (corpus_entry("photos"),)


def corpus(name: str) -> Corpus:
    """The corpus of that name with the hash of what it holds now. Raises CorpusError where it is unknown or empty."""
    return Corpus(name, _content(name))


def corpus_entry(name: str) -> CorpusEntry:
    """What is said of the corpus of that name. Raises CorpusError where it is unknown."""
    match name:
        case "documents":
            text = "English conversations, the Python manual and documentation of Python packages, as installed here."
            return CorpusEntry(name, "English documents", "text", text, _source_count(name))
        case "languages":
            text = "Conversations in twelve languages; the source is the language."
            return CorpusEntry(name, "Twelve languages", "text", text, len(documents.LANGUAGES))
        case "photos":
            count = len(_photos())
            text = f"Random square crops, at least {CROPS:,}, of the {count} photos on this machine."
            return CorpusEntry(name, "Photo crops", "images", text, count)
        case "digits" | "digits-held-out":
            held_out = name.endswith("held-out")
            count = digits.HELD_OUT if held_out else len(digits.training().classes)
            what = "that no model here has seen" if held_out else "that the models learned from"
            text = f"{count:,} handwritten digits of scikit-learn's {what}."
            return CorpusEntry(name, "Held-out digits" if held_out else "Digits", "images", text, count)
    folder = _folder(name)
    texts = own_texts(folder)
    left_out = f" Left out: {texts.skipped}." if texts.skipped else ""
    text = f"{len(texts.documents):,} text files of the folder {folder.path.name}.{left_out}"
    return CorpusEntry(name, f"Folder {folder.path.name}", "text", text, len(texts.documents))


def text_corpus(corpus: Corpus, tokenizer: Tokenizer) -> TokenCorpus:
    """The corpus as sequences of up to 128 tokens. Raises CorpusError where it is gone, changed, of images or too short."""
    with _lock:
        key = (corpus.content, id(tokenizer))
        if key in _cut:
            _cut.move_to_end(key)
            return _cut[key][1]
        texts = _documents(corpus.name)
        _check(corpus)
        made = token_corpus(texts, tokenizer)
        if not len(made):
            raise CorpusError(f"The corpus {corpus.name} has no sequence of 8 tokens or more. Add longer texts to its folder.")
        _cut[key] = (tokenizer, made)
        while len(_cut) > _REMEMBERED:
            _cut.popitem(last=False)
        return made


def image_corpus(corpus: Corpus) -> ImageCorpus:
    """The corpus as pictures by number. Raises CorpusError where it is gone, changed or of texts."""
    _check(corpus)
    if corpus.name in ("digits", "digits-held-out"):
        return digit_pictures(held_out=corpus.name.endswith("held-out"))
    if corpus.name == "photos":
        return crops(_photos())
    raise CorpusError(f"The corpus {corpus.name[:40]} holds texts; this model looks at images. Choose photos or digits.")


def _check(corpus: Corpus) -> None:
    now = _content(corpus.name)
    if corpus.content != now:
        raise CorpusError(
            f"The corpus {corpus.name[:40]} has changed since: it was {corpus.content[:8]} and is {now[:8]} now. Choose it again."
        )


def _content(name: str) -> str:
    """SHA-256 of what the corpus holds."""
    with _lock:
        if name in ("documents", "languages"):
            return _packaged_content(name)
        if name in ("digits", "digits-held-out"):
            return _digits_content(name)
        if name == "photos":
            photos = tuple((photo, photo.path.stat().st_size, photo.path.stat().st_mtime_ns) for photo in _photos())
            return _photos_content(photos)
        return _text_digest(_documents(name))


@lru_cache(maxsize=4)
def _packaged_content(name: str) -> str:
    return _text_digest(_documents(name))


@lru_cache(maxsize=4)
def _digits_content(name: str) -> str:
    chosen = digits.held_out() if name.endswith("held-out") else digits.training()
    return hashlib.sha256(chosen.pixels.tobytes() + chosen.classes.tobytes()).hexdigest()


@lru_cache(maxsize=4)
def _photos_content(photos: tuple[tuple[Photo, int, int], ...]) -> str:
    settings = f"{_VERSION} {CROPS} {pictures.SMALLEST_CROP} {pictures.LARGEST_CROP} {pictures.SEED};"
    digest = hashlib.sha256(settings.encode())
    for photo, _, _ in photos:
        digest.update(f"{photo.source};".encode())
        digest.update(hashlib.sha256(photo.path.read_bytes()).digest())
    return digest.hexdigest()


def _text_digest(texts: Iterable[Document]) -> str:
    digest = hashlib.sha256()
    for document in texts:
        for part in (document.source, document.text):
            data = part.encode("utf-8", "surrogatepass")
            digest.update(f"{len(data)};".encode())
            digest.update(data)
    return digest.hexdigest()


def _documents(name: str) -> Sequence[Document]:
    if name == "documents":
        return documents.packaged_documents()
    if name == "languages":
        return documents.packaged_languages()
    if name in ("photos", "digits", "digits-held-out"):
        raise CorpusError(f"The corpus {name} holds images; this model reads text. Choose documents or languages.")
    texts = own_texts(_folder(name))
    if not texts.documents:
        left_out = f" ({texts.skipped})" if texts.skipped else ""
        raise CorpusError(f"The corpus {name} holds no readable text{left_out}. Put text files in UTF-8 into its folder.")
    return texts.documents


def _photos() -> tuple[Photo, ...]:
    own = (Photo(path.stem.replace("_", " "), path) for folder in own_folders() for path in own_photos(folder))
    return (*pictures.sample_photos(), *own)


def _source_count(name: str) -> int:
    return len({document.source for document in _documents(name)})


def _own_names() -> list[str]:
    return [f"{OWN}{folder.name}" for folder in own_folders() if has_texts(folder)]


def _folder(name: str) -> OwnFolder:
    known = {f"{OWN}{folder.name}": folder for folder in own_folders()}
    if name not in known:
        there = ", ".join(["documents", "languages", "photos", "digits", "digits-held-out", *known])
        raise CorpusError(f"There is no corpus named {name[:40]!r}; there are {there[:300]}.")
    return known[name]
