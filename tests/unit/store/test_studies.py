"""Studies: made, renamed, filled, reopened and deleted, each owner's own."""

from __future__ import annotations

import pytest

from backend import limits
from backend.store.runs import RunGone, RunStore
from backend.store.studies import Studies, StudyError, StudyGone
from tests.unit.store.conftest import ask, keep


@pytest.fixture
def studies() -> Studies:
    return Studies()


def test_a_study_reopens_with_its_questions_in_order(runs: RunStore, studies: Studies) -> None:
    study = studies.create("Cats")
    for index in (3, 1, 2, 1):
        studies.add(study.id, keep(runs, ask(index)))
    assert studies.reopen(study.id) == (ask(3), ask(1), ask(2))
    assert studies.study(study.id).runs == 3
    studies.remove(study.id, ask(1).hash)
    assert studies.reopen(study.id) == (ask(3), ask(2))
    with pytest.raises(RunGone, match="not in the study"):
        studies.remove(study.id, ask(1).hash)


def test_studies_are_listed_with_their_counts(runs: RunStore, studies: Studies) -> None:
    assert studies.all() == ()
    first, second = studies.create("First"), studies.create("Second")
    studies.add(second.id, keep(runs, ask()))
    assert [(study.name, study.runs) for study in studies.all()] == [("First", 0), ("Second", 1)]
    studies.rename(first.id, "Third")
    assert studies.study(first.id).name == "Third"
    studies.delete(second.id)
    assert [study.name for study in studies.all()] == ["Third"]
    assert runs.exists(ask().hash)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "needs a name"),
        (" \n\t", "needs a name"),
        ("x" * 81, "has 81 characters; the limit is 80"),
        ("Cats", "“Cats” already"),
    ],
)
def test_a_name_that_will_not_do_is_refused(studies: Studies, name: str, message: str) -> None:
    other = studies.create("Dogs")
    studies.create("Cats")
    with pytest.raises(StudyError, match=message):
        studies.create(name)
    with pytest.raises(StudyError, match=message):
        studies.rename(other.id, name)
    assert studies.study(other.id).name == "Dogs"


def test_control_characters_leave_a_name_and_the_rest_stays(studies: Studies) -> None:
    assert studies.create("a\x00b\u202e <i>c</i>\n").name == "a b <i>c</i>"


def test_studies_are_their_owners_own(runs: RunStore, studies: Studies) -> None:
    mine, other = studies.create("Cats"), Studies("ada")
    other.create("Cats")
    assert len(other.all()) == 1
    name = keep(runs, ask())
    for call in (
        other.study,
        other.delete,
        other.hashes,
        other.reopen,
        lambda i: other.rename(i, "x"),
        lambda i: other.add(i, name),
    ):
        with pytest.raises(StudyGone, match="is not on this machine"):
            call(mine.id)


def test_only_a_run_of_the_owner_can_be_added(runs: RunStore, studies: Studies) -> None:
    study = studies.create("Cats")
    theirs = keep(RunStore("ada"), ask())
    for name in ("f" * 64, theirs):
        with pytest.raises(RunGone):
            studies.add(study.id, name)
    assert studies.study(study.id).runs == 0


def test_a_deleted_run_leaves_its_study(runs: RunStore, studies: Studies) -> None:
    study = studies.create("Cats")
    studies.add(study.id, keep(runs, ask()))
    runs.delete(ask().hash)
    assert studies.reopen(study.id) == ()


def test_limits_are_held(runs: RunStore, studies: Studies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STUDIES_KEPT", 1)
    monkeypatch.setattr(limits, "RUNS_IN_STUDY", 1)
    study = studies.create("Cats")
    with pytest.raises(StudyError, match="1 studies; the limit is 1"):
        studies.create("Dogs")
    studies.add(study.id, keep(runs, ask(1)))
    with pytest.raises(StudyError, match="holds 1 runs; the limit is 1"):
        studies.add(study.id, keep(runs, ask(2)))
