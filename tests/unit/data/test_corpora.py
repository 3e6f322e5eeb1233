"""The corpora on offer: what they hold, that their hash follows it, and what is said of files that cannot be read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from backend import limits
from backend.data.corpora import CorpusError, corpora, corpus, corpus_entry, image_corpus, text_corpus
from backend.data.digits import held_out, training
from backend.data.images import ImageError
from backend.methods.question import Corpus
from backend.models.catalog import ModelError, entry

LITE, LANGUAGE = "efficientnet-lite0", "smollm2-135m-instruct"
SENTENCE = "one two three four five six seven eight nine ten"


def word_tokenizer() -> Tokenizer:
    """A token a word; unknown words share one."""
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(["[?]", *SENTENCE.split()])}, unk_token="[?]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return tokenizer


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An operator's folder."""
    made = tmp_path / "My Notes"
    made.mkdir()
    monkeypatch.setenv("VITRINE_DATA", str(made))
    return made


def test_each_kind_of_model_is_offered_what_it_can_read() -> None:
    assert [item.name for item in corpora(LANGUAGE)] == ["documents", "languages"]
    assert [item.name for item in corpora(LITE)] == ["photos"]
    assert [item.name for item in corpora("digits-vit")] == ["digits", "digits-held-out"]
    with pytest.raises(ModelError, match="no model named"):
        corpora("another")


def test_the_packaged_texts_are_many_and_of_many_sources(session_home: Path) -> None:
    entry_of = {item.name: item for item in corpora(LANGUAGE)}
    assert entry_of["documents"].sources > 100
    assert entry_of["languages"].sources == 12
    tokenizer = Tokenizer.from_file(str(session_home / "models" / LANGUAGE / "tokenizer.json"))
    texts = text_corpus(corpus("documents"), tokenizer)
    assert len(texts) > 4_000
    assert texts.tokens.size > 400_000
    assert {"conversations about food", "Python manual: lambda", "Python random"} <= set(texts.sources)
    assert set(text_corpus(corpus("languages"), tokenizer).sources) >= {"english", "persian", "ukrainian"}


def test_reading_the_packaged_texts_imports_none_of_the_packages() -> None:
    """A docstring is read from the file: importing turtle opens windows, and importing torch takes seconds."""
    code = (
        "import sys; from backend.data.corpora import corpus; corpus('documents'); corpus('languages'); corpus('photos');"
        "print(sorted({'torch', 'turtle', 'scipy', 'chatterbot_corpus', 'tkinter', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=Path.cwd())
    assert done.stdout.strip() == "[]", done.stderr[-500:]


def test_the_hash_follows_the_text(folder: Path) -> None:
    file = folder / "a.txt"
    file.write_text(SENTENCE)
    first = corpus("folder-my-notes")
    assert corpus("folder-my-notes") == first
    file.write_text(SENTENCE + " more")
    os.utime(file, ns=(1, 1))
    changed = corpus("folder-my-notes")
    assert changed.content != first.content
    with pytest.raises(CorpusError, match=f"has changed since: it was {first.content[:8]} and is {changed.content[:8]} now"):
        text_corpus(first, word_tokenizer())
    file.rename(folder / "b.txt")  # a source of another name
    assert corpus("folder-my-notes").content != changed.content


def test_files_that_cannot_be_read_are_counted(folder: Path) -> None:
    (folder / "good.txt").write_text(SENTENCE)
    (folder / "bom.md").write_bytes(b"\xef\xbb\xbf" + SENTENCE.encode())
    (folder / "empty.txt").write_bytes(b"")
    (folder / "blank.txt").write_text(" \n\n ")
    (folder / "binary.txt").write_bytes(b"\x7fELF\0\0\0")
    (folder / "latin.txt").write_bytes("déjà vu".encode("latin-1"))
    (folder / "utf16.txt").write_bytes(SENTENCE.encode("utf-16"))
    (folder / "picture.png").write_bytes(b"no text")
    (folder / ".hidden.txt").write_text("secret")
    (folder / "link.txt").symlink_to("/etc/hostname")
    said = corpus_entry("folder-my-notes")
    assert said.sources == 2
    assert said.summary == "2 text files of the folder My Notes. Left out: 1 binary, 2 empty, 2 not in UTF-8."
    texts = text_corpus(corpus("folder-my-notes"), word_tokenizer())
    assert texts.sources == ("bom.md", "good.txt")
    assert len(texts) == 1  # the same words twice


def test_a_file_too_large_is_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TEXT_FILE_BYTES", 1024**2)
    (folder / "large.txt").write_bytes(b"word " * 300_000)
    (folder / "small.txt").write_text(SENTENCE)
    assert "Left out: 1 larger than 1 MB." in corpus_entry("folder-my-notes").summary


def test_a_folder_without_readable_text_is_told(folder: Path) -> None:
    (folder / "empty.txt").write_bytes(b"")
    with pytest.raises(CorpusError, match=r"holds no readable text \(1 empty\)"):
        corpus("folder-my-notes")


def test_texts_too_short_for_a_sequence_are_told(folder: Path) -> None:
    (folder / "short.txt").write_text("one two three")
    with pytest.raises(CorpusError, match="no sequence of 8 tokens or more"):
        text_corpus(corpus("folder-my-notes"), word_tokenizer())


@pytest.mark.parametrize("name", ["", "folder-other", "../../etc/passwd", "/etc", "x" * 500, "documents\0"])
def test_a_name_that_is_none_is_told_and_opens_nothing(name: str, folder: Path) -> None:
    with pytest.raises(CorpusError, match="There is no corpus named") as told:
        corpus(name)
    assert len(str(told.value)) < 400


def test_folders_of_one_name_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for parent, text in (("a", SENTENCE), ("b", SENTENCE + " ten")):
        (tmp_path / parent / "texts").mkdir(parents=True)
        (tmp_path / parent / "texts" / "t.txt").write_text(text)
    monkeypatch.setenv("VITRINE_DATA", f"{tmp_path}/a/texts{os.pathsep}{tmp_path}/missing{os.pathsep}{tmp_path}/b/texts")
    names = [item.name for item in corpora(LANGUAGE)][2:]
    assert names == ["folder-texts", "folder-texts.2"]
    assert corpus(names[0]).content != corpus(names[1]).content


def test_crops_lie_inside_their_photo_and_are_the_same_every_time(folder: Path) -> None:
    draw = np.random.default_rng(0)
    Picture.fromarray(draw.integers(0, 255, (40, 90, 3), dtype=np.uint8)).save(folder / "wide_one.png")
    before = corpus_entry("photos").sources
    found = image_corpus(corpus("photos"))
    assert len(found) >= 2_000
    own = [item for item in range(len(found)) if found.source(item) == "wide one"]
    assert len(own) == len(found) // before
    sides = [found.picture(item).size for item in own]
    assert all(width == height for width, height in sides)
    assert 14 <= min(sides)[0] < 20
    assert 36 < max(sides)[0] <= 40
    frame = found.frame(own[0], entry(LITE).preprocess)
    assert frame.shape == (224, 224, 3)
    assert np.array_equal(frame, image_corpus(corpus("photos")).frame(own[0], entry(LITE).preprocess))


def test_a_photo_that_is_none_is_named(folder: Path) -> None:
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff and no more")
    found = image_corpus(corpus("photos"))
    item = [found.source(item) for item in range(len(found))].index("broken")
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        found.picture(item)


def test_digits_are_those_of_their_split_with_their_class() -> None:
    learned, other = image_corpus(corpus("digits")), image_corpus(corpus("digits-held-out"))
    assert (len(learned), len(other)) == (1437, 360)
    assert not {learned.source(item) for item in range(1437)} & {other.source(item) for item in range(360)}
    assert np.array_equal(learned.frame(7, entry("digits-cnn").preprocess)[..., 0], training().pixels[7])
    assert other.label(3) == str(held_out().classes[3])


def test_kinds_are_not_mixed() -> None:
    with pytest.raises(CorpusError, match="holds images; this model reads text"):
        text_corpus(corpus("digits"), word_tokenizer())
    with pytest.raises(CorpusError, match="holds texts; this model looks at images"):
        image_corpus(corpus("documents"))
    with pytest.raises(CorpusError, match="has changed since"):
        image_corpus(Corpus("photos", "0" * 64))
