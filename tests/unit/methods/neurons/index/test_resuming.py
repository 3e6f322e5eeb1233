"""A build that was cut off goes on as if nothing had happened; what cannot be read is replaced; memory may run out."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from backend.engine.asking import asking_for
from backend.engine.workshop import Workshop
from backend.methods.neurons.index.building import build
from backend.methods.neurons.neuron_index import NeuronIndex
from backend.methods.question import Corpus, ModelRef, Question
from backend.methods.steps import Partial, Result
from backend.store import index_file
from backend.store.index_file import IndexDamaged, index_path, read_head
from backend.store.unit_index import UnitIndex, open_index
from tests.unit.methods.neurons.index.conftest import Seen, steps


def finished(model: str, on: Corpus, items: int, seed: int = 0) -> tuple[UnitIndex, list[int]]:
    """The index after all steps, and the items that had passed at each of them."""
    found = [step.value.items for step in steps(model, on, items, seed) if isinstance(step, Partial | Result)]
    *_, last = steps(model, on, items, seed)
    index = open_index(model, last.value.revision, on)
    assert index is not None
    return index, found


def same(one: UnitIndex, other: UnitIndex) -> bool:
    left, right = one.arrays(), other.arrays()
    return one.manifest == other.manifest and all(np.array_equal(left[name], right[name]) for name in left.keys() | right.keys())


@pytest.mark.parametrize("cut", [1, 7, 19, 30, 40])
@pytest.mark.usefixtures("every_batch")
def test_a_build_that_was_cut_off_ends_like_one_that_was_not(
    cut: int, tiny: str, words: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, _ = finished(tiny, words, 256)
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "other"))
    first = steps(tiny, words, 256)
    partials = list(itertools.islice((step for step in first if isinstance(step, Partial)), cut))
    first.close()
    assert partials[-1].value.items < 256
    resumed, passed = finished(tiny, words, 256)
    assert passed[0] > partials[-1].value.items  # nothing was passed twice
    assert same(undisturbed, resumed)


def test_more_of_the_corpus_continues_the_index(
    tiny: str, words: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = finished(tiny, words, 384)
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "other"))
    finished(tiny, words, 128)
    grown, _ = finished(tiny, words, 384)
    assert same(whole, grown)


def test_a_larger_index_answers_for_a_smaller(tiny: str, words: Corpus) -> None:
    finished(tiny, words, 256)
    assert [step.value.items for step in steps(tiny, words, 128)] == [256]


def test_more_than_the_corpus_holds_is_all_of_it(tiny: str, words: Corpus, seen: Seen) -> None:
    index, _ = finished(tiny, words, 1024)
    assert index.manifest.items == index.manifest.available == 400
    assert sorted(seen.values["mlp.0"]) == list(range(400))


def test_another_seed_starts_anew(tiny: str, words: Corpus) -> None:
    first, _ = finished(tiny, words, 128)
    other, _ = finished(tiny, words, 256, seed=5)
    assert set(first.sampled_items.tolist()) != set(other.sampled_items.tolist())


def test_a_file_that_was_cut_is_told_and_replaced(tiny: str, words: Corpus) -> None:
    index, _ = finished(tiny, words, 128)
    path = index_path(tiny, index.manifest.revision, words)
    whole = path.read_bytes()
    path.unlink()  # `index` still reads the file as it was
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(IndexDamaged, match="it is cut off. The next build replaces it"):
        open_index(tiny, index.manifest.revision, words)
    again, _ = finished(tiny, words, 128)
    assert same(index, again)
    path.unlink()
    path.write_bytes(b"no index at all, but long enough to be read")
    with pytest.raises(IndexDamaged, match="cannot be read"):
        open_index(tiny, index.manifest.revision, words)


def test_an_index_of_other_code_model_or_revision_is_not_read(tiny: str, words: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    index, _ = finished(tiny, words, 128)
    revision = index.manifest.revision
    assert open_index(tiny, "0" * 12, words) is None
    assert open_index("another", revision, words) is None
    assert open_index(tiny, revision, Corpus(words.name, "0" * 64)) is None
    monkeypatch.setattr(index_file, "collecting_code", lambda: "other")
    assert open_index(tiny, revision, words) is None
    assert read_head(index_path(tiny, revision, words)) is None


def test_a_reader_keeps_what_it_opened(tiny: str, words: Corpus) -> None:
    early, _ = finished(tiny, words, 128)
    before = early.statistic("mean").copy()
    finished(tiny, words, 384)
    assert np.array_equal(early.statistic("mean"), before)


def test_memory_that_runs_out_in_the_middle_of_a_pass_counts_nothing_twice(
    tiny: str, words: Corpus, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Question("neuron_index", ModelRef(tiny), words, NeuronIndex(128))
    asking = asking_for(question, Workshop("cpu"))
    broken = asking.model.module.model.layers[1].mlp
    failures = 0

    def fail(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        nonlocal failures
        if len(inputs[0]) > 3:
            failures += 1
            raise torch.OutOfMemoryError("no memory left")

    handle = broken.register_forward_pre_hook(fail)
    *_, last = build(question, asking)
    handle.remove()
    assert failures
    index = open_index(tiny, last.value.revision, words)
    assert index is not None
    for layer in index.manifest.layers:
        assert len(seen.values[layer.name]) == 128
    assert len(set(index.manifest.positions_of)) == 1
    assert (index.arrays()["counts"].sum(axis=1) == index.manifest.positions).all()
