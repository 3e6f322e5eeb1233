"""A small corpus of real sentences split by the default language model's tokenizer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from tokenizers import Tokenizer

from backend import places
from backend.methods.neurons.labels.text_places import TextPlaces

TEXTS = (
    "On Monday we met (in the old town hall) and talked.",
    'He said "never again" on Tuesday. Nobody listened on monday.',
    "def mean(values):\n    return sum(values) / 12\n",
    "The state of the art of the state.",
)


@dataclass(frozen=True)
class Tokens:
    """What a text corpus gives, as far as places need it."""

    tokens: np.ndarray
    starts: np.ndarray


@pytest.fixture(scope="session")
def tokenizer(session_home: object) -> Tokenizer:
    return Tokenizer.from_file(str(places.models() / "smollm2-135m-instruct" / "tokenizer.json"))


def split(texts: tuple[str, ...], tokenizer: Tokenizer) -> Tokens:
    """Texts as one row of tokens with their starts."""
    rows = [tokenizer.encode(text).ids for text in texts]
    return Tokens(np.concatenate(rows).astype(np.int32), np.cumsum([0, *map(len, rows)]))


@pytest.fixture(scope="session")
def text_places(tokenizer: Tokenizer) -> TextPlaces:
    return TextPlaces(split(TEXTS, tokenizer), tokenizer)  # type: ignore[arg-type]
