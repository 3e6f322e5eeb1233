"""The question's hash: stable, and another one after any change."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from backend.methods.question import (
    Box,
    ClassLogit,
    Contrast,
    Image,
    ModelRef,
    Question,
    RandomiseWeights,
    RegionEdit,
    Stroke,
)
from tests.unit.methods.test_params import Polish

PHOTO = Image("a" * 64, (RegionEdit((Box(1, 2, 3, 4), Stroke(((1, 2), (3, 4)), 5)), "grey"),))
QUESTION = Question("test_polish", ModelRef("net"), PHOTO, Polish(), ClassLogit(3))

CHANGES: list[dict[str, Any]] = [
    {"method": "other"},
    {"model": ModelRef("net2")},
    {"model": ModelRef("net", revision="b")},
    {"model": ModelRef("net", dtype="float64")},
    {"inputs": Image("b" * 64)},
    {"inputs": replace(PHOTO, edits=())},
    {"inputs": replace(PHOTO, edits=(replace(PHOTO.edits[0], keep=True),))},
    {"inputs": replace(PHOTO, edits=(replace(PHOTO.edits[0], fill="blur"),))},
    {"inputs": replace(PHOTO, edits=(replace(PHOTO.edits[0], shapes=(Box(1, 2, 3, 4.5),)),))},
    {"params": Polish(steps=72)},
    {"params": Polish(wet=True)},
    {"target": ClassLogit(4)},
    {"target": Contrast(3, 4)},
    {"target": Contrast(4, 3)},
    {"target": None},
    {"edits": (RandomiseWeights(1, 4),)},
    {"edits": (RandomiseWeights(1, 4), RandomiseWeights(1, 4))},
    {"seed": 1},
]


def test_a_hash_has_64_hexadecimal_digits() -> None:
    assert len(QUESTION.hash) == 64
    int(QUESTION.hash, 16)


def test_every_change_changes_the_hash() -> None:
    hashes = {QUESTION.hash, *(QUESTION.asking(**change).hash for change in CHANGES)}
    assert len(hashes) == len(CHANGES) + 1


def test_equal_questions_have_equal_hashes_however_their_numbers_are_written() -> None:
    whole, broken = (
        Image("a" * 64, (RegionEdit((Box(0, 2, 3, 4),)),)),
        Image("a" * 64, (RegionEdit((Box(-0.0, 2.0, 3.0, 4.0),)),)),
    )
    assert whole == broken
    assert QUESTION.asking(inputs=whole).hash == QUESTION.asking(inputs=broken).hash
    assert QUESTION.asking(params=Polish(strength=1)).hash == QUESTION.asking(params=Polish(strength=1.0)).hash


def test_a_hash_is_the_same_in_another_process() -> None:
    code = "from tests.unit.methods.test_question import QUESTION; print(QUESTION.hash)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == QUESTION.hash


def test_a_hash_of_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="has no JSON form"):
        _ = QUESTION.asking(params={"steps": 3}).hash
