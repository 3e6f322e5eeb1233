"""The sentence encoder: the values its makers publish, whatever stands beside a text, and clear words where it is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.models.catalog import ModelError
from backend.models.sentence_encoder import WIDTH, SentenceEncoder, load_encoder, sentence_encoder

# The example of the Sentence Transformers quick start for this very encoder, with the similarities printed there.
SENTENCES = ("The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium.")
PUBLISHED = np.array([[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]])


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return sentence_encoder()


def test_the_published_similarities_come_out(encoder: SentenceEncoder) -> None:
    rows = encoder.encode(SENTENCES)
    assert (rows.shape, rows.dtype) == ((3, WIDTH), np.float32)
    assert rows @ rows.T == pytest.approx(PUBLISHED, abs=1e-4)


def test_a_text_gives_the_same_row_alone_and_beside_longer_ones(encoder: SentenceEncoder) -> None:
    beside = encoder.encode([SENTENCES[0], "word " * 300, "", *SENTENCES[1:] * 20])
    assert beside[0] == pytest.approx(encoder.encode(SENTENCES[:1])[0], abs=1e-5)
    assert np.linalg.norm(beside, axis=1) == pytest.approx(np.ones(len(beside)), abs=1e-5)
    assert encoder.encode([]).shape == (0, WIDTH)


def test_a_text_is_cut_after_256_tokens(encoder: SentenceEncoder) -> None:
    first, longer = encoder.encode(["word " * 254, "word " * 254 + "cat " * 50])  # the two marks around a text count
    assert first == pytest.approx(longer, abs=1e-6)


def test_a_folder_without_the_weights_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="model.safetensors and tokenizer.json missing in"):
        load_encoder(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ModelError, match="minilm-l6 could not be loaded"):
        load_encoder(tmp_path)
