"""The run history: what is recorded comes back, lists fast, and leaves in the right order."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from backend import limits, places
from backend.methods.params import ParameterError
from backend.methods.question import Question, Runs
from backend.methods.steps import PassCount
from backend.store import arrays
from backend.store.database import Database
from backend.store.files import StoreError
from backend.store.runs import RunGone, RunStore
from backend.store.studies import Studies
from tests.unit.store.conftest import ask, finding, keep, saliency, same


def check_of(question: Question) -> Question:
    """A question that inspects another run; which method asks it does not matter to the store."""
    return question.asking(inputs=Runs((question,)), target=None)


def test_a_run_comes_back_with_its_question_result_and_numbers(runs: RunStore) -> None:
    runs.record(ask(), saliency(), state="finished", done=64, total=64, seconds=1.5)
    name = ask().hash
    assert runs.exists(name)
    assert runs.question(name) == ask()
    same(saliency(), runs.result(name))
    run = runs.run(name)
    assert (run.method, run.model, run.content) == ("gradient", "efficientnet-lite0", "a" * 64)
    assert (run.state, run.done, run.total, run.seconds, run.passes) == ("finished", 64, 64, 1.5, PassCount(64, 64))
    assert run.question == ask()
    assert abs(run.recorded - time.time()) < 60


def test_another_process_finds_the_run(runs: RunStore) -> None:
    name = keep(runs, ask())
    code = "from backend.store.runs import RunStore; run, = RunStore().history(); print(run.hash, run.question.target.index)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert answer.stdout.split() == [name, "285"]


def test_an_unknown_run_is_gone_in_words(runs: RunStore) -> None:
    assert not runs.exists("f" * 64)
    for call in (runs.question, runs.result, runs.run, runs.pin, runs.delete, lambda name: runs.note(name, "x")):
        with pytest.raises(RunGone, match=r"The run this link names \(ffffffff…\) is not on this machine"):
            call("f" * 64)
    with pytest.raises(RunGone):
        runs.result("../../etc/passwd")


def test_only_a_finished_result_is_recalled(runs: RunStore) -> None:
    assert runs.recall(ask()) is None
    keep(runs, ask(), saliency(1, 16), "stopped", 10)
    assert runs.recall(ask()) is None
    same(saliency(1, 16), runs.result(ask().hash))
    keep(runs, ask(), saliency(2, 16))
    same(saliency(2, 16), runs.recall(ask()))


def test_a_stopped_result_gives_way_to_one_that_got_further_and_never_the_other_way(runs: RunStore) -> None:
    for seed, (state, done) in enumerate([("stopped", 10), ("stopped", 5), ("stopped", 20), ("finished", 64), ("stopped", 63)]):
        keep(runs, ask(), saliency(seed, 16), state, done)
    same(saliency(3, 16), runs.result(ask().hash))
    assert (runs.run(ask().hash).state, runs.run(ask().hash).done) == ("finished", 64)
    assert len(runs.history()) == 1


def test_a_damaged_result_is_told_of_and_made_again(runs: RunStore) -> None:
    name = keep(runs, ask())
    arrays.place(name).write_bytes(b"rotten")
    with pytest.raises(StoreError, match="Run it again to replace it"):
        runs.result(name)
    assert runs.recall(ask()) is None


def test_the_history_is_newest_first_and_asking_again_brings_to_the_front(runs: RunStore) -> None:
    names = [keep(runs, ask(index)) for index in (1, 2, 3)]
    assert [run.hash for run in runs.history()] == names[::-1]
    keep(runs, ask(1))
    assert [run.hash for run in runs.history(2)] == [names[0], names[2]]


def test_pins_and_notes_are_kept_and_are_the_owners_own(runs: RunStore) -> None:
    name = keep(runs, ask())
    keep(runs, ask(1))
    other = RunStore("ada")
    keep(other, ask())
    runs.pin(name)
    runs.note(name, "<b>the left eye</b>" + "x" * 5000)
    assert [run.hash for run in runs.history(pinned=True)] == [name]
    assert runs.run(name).note.startswith("<b>the left eye</b>")
    assert len(runs.run(name).note) == limits.NOTE_CHARACTERS
    assert (other.run(name).pinned, other.run(name).note) == (False, "")
    runs.pin(name, False)
    assert runs.history(pinned=True) == ()


def test_owners_list_their_own_runs_and_open_each_others_by_link(runs: RunStore) -> None:
    name = keep(runs, ask())
    other = RunStore("ada")
    assert other.history() == ()
    with pytest.raises(RunGone):
        other.pin(name)
    assert other.question(name) == ask()


def test_a_deleted_run_leaves_with_its_result_unless_someone_else_has_it(runs: RunStore) -> None:
    name = keep(runs, ask())
    other = RunStore("ada")
    keep(other, ask())
    runs.delete(name)
    assert runs.history() == ()
    assert len(other.history()) == 1
    assert arrays.stored(name)
    other.delete(name)
    assert not arrays.stored(name)
    assert not runs.exists(name)


def test_checks_of_a_run_are_found(runs: RunStore) -> None:
    name, check = keep(runs, ask()), check_of(ask())
    assert runs.findings(name) == ()
    keep(runs, check, finding())
    keep(runs, check_of(ask(3)), finding())
    assert [run.hash for run in runs.findings(name)] == [check.hash]
    assert runs.run(check.hash).content is None
    same(finding(), runs.result(check.hash))


def test_a_run_whose_method_is_no_more_is_still_listed(runs: RunStore) -> None:
    name = keep(runs, ask())
    with runs.database.writing() as connection:
        connection.execute("UPDATE questions SET body = replace(body, 'gradient', 'bygone')")
    assert [run.hash for run in runs.history()] == [name]
    with pytest.raises(ParameterError, match="no method named 'bygone'"):
        _ = runs.history()[0].question


def test_the_oldest_run_that_nobody_kept_leaves_first(runs: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [keep(runs, ask(index)) for index in range(4)]
    runs.pin(names[0])
    runs.note(names[1], "keep me")
    studies = Studies()
    studies.add(studies.create("kept").id, names[2])
    monkeypatch.setattr(limits, "RUNS_KEPT", 4)
    newest = keep(runs, ask(9))
    assert {run.hash for run in runs.history()} == {*names[:3], newest}
    assert not arrays.stored(names[3])


def test_results_keep_to_their_budget_and_the_question_stays(runs: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned, loose = keep(runs, ask(1)), keep(runs, ask(2))
    runs.pin(pinned)
    monkeypatch.setattr(limits, "RUN_STORE_BYTES", 1)
    newest = keep(runs, ask(3))
    assert (arrays.stored(pinned), arrays.stored(loose), arrays.stored(newest)) == (True, False, True)
    with pytest.raises(RunGone, match="removed to make room. Its question is kept: run it again"):
        runs.result(loose)
    assert runs.question(loose) == ask(2)
    keep(runs, ask(2))
    assert arrays.stored(loose)


def test_writers_in_many_threads_and_connections_lose_no_run(home: Path) -> None:
    """Eight threads on four connections, as four processes with two threads each would write."""
    stores = [RunStore(at=Database(home / "vitrine.db")) for _ in range(4)]
    small = saliency(side=8)
    errors: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            for number in range(25):
                question = ask(1000 * worker + number)
                stores[worker % 4].record(question, small, state="finished", done=1, total=1, seconds=0)
                stores[worker % 4].pin(question.hash)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    assert len(stores[0].history(1000, pinned=True)) == 200


def test_a_history_of_thousands_lists_fast(runs: RunStore) -> None:
    body = runs.database
    keep(runs, ask())
    row = tuple(body.read("SELECT * FROM questions")[0])
    with body.writing() as connection:
        for number in range(5000):
            connection.execute(f"INSERT INTO questions VALUES ({','.join('?' * len(row))})", (f"{number:064x}", *row[1:]))
            connection.execute("INSERT INTO runs VALUES ('local', ?, ?, 0, '')", (f"{number:064x}", float(number)))
    times = []
    for limit in (100, 5000):
        start = time.perf_counter()
        listed = runs.history(limit)
        times.append(1e3 * (time.perf_counter() - start))
        assert len(listed) == limit
    print(f"history of 5,001 runs: 100 newest in {times[0]:.1f} ms, 5,000 in {times[1]:.0f} ms")
    assert times[0] < 100


def test_a_full_disk_leaves_the_history_as_it_was(runs: RunStore, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(runs, ask(1))
    (home / "file").write_text("")
    with monkeypatch.context() as patch:
        patch.setattr(places, "runs", lambda: home / "file")
        with pytest.raises(StoreError, match="Nothing could be saved in"):
            keep(runs, ask(2))
    assert [run.hash for run in runs.history()] == [ask(1).hash]


def test_a_result_of_other_code_is_history_but_no_answer(runs: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    question = ask()
    runs.record(question, saliency(), state="finished", done=1, total=1, seconds=1.0)
    assert runs.recall(question) is not None
    monkeypatch.setattr("backend.store.runs.code_version", lambda: "other")
    assert runs.recall(question) is None
    assert runs.result(question.hash).note == saliency().note
    runs.record(question, saliency(seed=1), state="finished", done=1, total=1, seconds=1.0)
    assert np.array_equal(runs.recall(question).attribution, saliency(seed=1).attribution)
