"""Results on disk: what is saved comes back, and what was damaged is told of, never returned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend import limits, places
from backend.store import arrays
from backend.store.arrays import ResultDamaged, ResultGone
from backend.store.files import StoreError
from tests.unit.store.conftest import finding, saliency, same

NAME = "0" * 64


@dataclass(frozen=True)
class Odd:
    """Shapes and types at the edge of what is stored."""

    scalar: np.ndarray
    empty: np.ndarray
    strided: np.ndarray
    flags: np.ndarray
    nested: dict[str, Any]
    text: str = "<script>"
    nothing: None = None


@dataclass
class Loose:
    value: int


@pytest.mark.parametrize("result", [saliency(), finding()], ids=["saliency", "finding"])
def test_a_result_comes_back_as_it_was(result: Any) -> None:
    arrays.save(NAME, result)
    same(result, arrays.load(NAME))


def test_odd_arrays_come_back_as_they_were() -> None:
    base = np.arange(24).reshape(4, 6)
    odd = Odd(np.array(3.5), np.zeros((0, 3), np.float16), base.T[::2], base > 3, {"a": (1, [2.5, None]), "b": {}})
    arrays.save(NAME, odd)
    same(odd, arrays.load(NAME))


def test_a_saved_result_replaces_the_one_before() -> None:
    arrays.save(NAME, saliency(1))
    arrays.save(NAME, saliency(2))
    same(saliency(2), arrays.load(NAME))


@pytest.mark.parametrize("value", [{"a": object()}, np.array([object()]), np.array(["text"]), np.array([1j]), {1, 2}, b"bytes"])
def test_what_has_no_safe_form_is_refused(value: Any, home: Path) -> None:
    with pytest.raises(TypeError, match="cannot be stored"):
        arrays.save(NAME, value)
    assert not arrays.stored(NAME)


def test_nothing_stored_is_gone_and_a_path_is_no_name() -> None:
    with pytest.raises(ResultGone):
        arrays.load(NAME)
    for name in ("../../etc/passwd", "", "A" * 64):
        with pytest.raises(ResultGone):
            arrays.load(name)
        assert not arrays.stored(name)


def test_every_damaged_byte_is_noticed() -> None:
    arrays.save(NAME, saliency(side=16))
    path = arrays.place(NAME)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for at in [*range(0, 64, 3), *random.integers(0, len(whole), 150)]:
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(ResultDamaged, match=f"The stored result {path} cannot be read"):
            arrays.load(NAME)
    for length in (0, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ResultDamaged):
            arrays.load(NAME)
    path.write_bytes(whole)
    same(saliency(side=16), arrays.load(NAME))


@pytest.mark.parametrize(
    "name", ["os:system", "backend.store.arrays:load", "backend.nowhere:Thing", "subprocess:Popen", "tests:x"]
)
def test_a_file_cannot_name_a_class_of_its_choice(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_pack", lambda value, found: {"dataclass": name, "fields": {}})
    arrays.save(NAME, None)
    with pytest.raises(ResultDamaged):
        arrays.load(NAME)


def test_a_class_that_can_change_is_no_result() -> None:
    arrays.save(NAME, Loose(1))
    with pytest.raises(ResultDamaged, match="no frozen dataclass"):
        arrays.load(NAME)


def test_a_result_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RESULT_BYTES", 1024**2)
    with pytest.raises(StoreError, match="The result has 3 MB; the limit is 1 MB"):
        arrays.save(NAME, saliency(side=448))


def test_a_place_that_cannot_be_written_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "runs", lambda: home / "file" / "runs")
    (home / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=f"Nothing could be saved in {home}/file/runs: not a directory.*VITRINE_HOME"):
        arrays.save(NAME, saliency())
