"""The engine: jobs are shared, take turns, end once, and stop when nobody looks."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from backend import limits
from backend.engine.job import Job
from backend.engine.stepping import QueueFull
from backend.methods.params import ParameterError
from backend.methods.question import ClassLogit, Contrast, ModelRef, Runs
from backend.methods.steps import FINAL, Event
from tests.unit.engine.conftest import Start
from tests.unit.engine.scripted import END, PATIENCE, Clock, Count, Gate, Shelf, Stage, finish, scripted


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Event]]:
    """Every event of every job, by the scripted method's name."""
    events: dict[str, list[Event]] = defaultdict(list)
    real = Job.tell

    def tell(job: Job, event: Event, seconds: float = 0.0) -> None:
        events[job.question.params.name].append(event)
        real(job, event, seconds)

    monkeypatch.setattr(Job, "tell", tell)
    return events


def test_each_job_has_one_final_event_and_nothing_after_it(
    start: Start, stage: Stage, gate: Gate, told: dict[str, list[Event]]
) -> None:
    stage.acts["failing", 2] = lambda: 1 / 0
    stage.acts["left", 2] = gate
    engine = start()
    left = engine.ask(scripted("left"))
    gate.reached()
    others = [engine.ask(scripted(name)) for name in ("finishing", "failing")]
    engine.leave(left)
    gate.open()
    states = [finish(engine, subscription).state for subscription in (*others, left)]
    assert states == ["finished", "failed", "stopped"]
    for events in told.values():
        assert [isinstance(event, FINAL) for event in events] == [False] * (len(events) - 1) + [True]


def test_equal_questions_are_one_job_with_two_subscribers(start: Start, stage: Stage, gate: Gate) -> None:
    engine = start(held_at=gate)
    first, second = engine.ask(scripted()), engine.ask(scripted())
    assert first != second
    assert engine.status().waiting == 1
    gate.open()
    assert finish(engine, first) is finish(engine, second)
    assert stage.played == [("a", 1), ("a", 2), ("a", 3)]


def test_the_first_to_leave_does_not_stop_what_another_looks_at(start: Start, stage: Stage, gate: Gate) -> None:
    engine = start(held_at=gate)
    first, second = engine.ask(scripted()), engine.ask(scripted())
    engine.leave(first)
    gate.open()
    assert finish(engine, second).state == "finished"


def test_who_has_left_keeps_seeing_the_job_as_it_was_though_it_goes_on(start: Start, stage: Stage, gate: Gate) -> None:
    stage.acts["a", 2] = gate
    engine = start()
    first, second = engine.ask(scripted()), engine.ask(scripted())
    gate.reached()
    engine.leave(first)
    gate.open()
    assert finish(engine, second).state == "finished"
    seen = engine.look(first)
    assert seen is not None
    assert (seen.state, seen.done) == ("stopped", 1)


def test_the_last_to_leave_stops_the_job_before_its_next_step_and_the_snapshot_is_kept(
    start: Start, stage: Stage, gate: Gate
) -> None:
    shelf = Shelf()
    stage.acts["a", 3] = gate
    engine = start(shelf)
    subscription = engine.ask(scripted(steps=9))
    gate.reached()
    engine.leave(subscription)
    gate.open()
    snapshot = finish(engine, subscription)
    assert (snapshot.state, snapshot.done, snapshot.total, snapshot.value) == ("stopped", 3, 9, Count("a", 3))
    assert stage.played[-1] == ("a", 3)
    assert stage.closed == ["a"]
    shelf.wait_for(1)
    assert shelf.records == [("a", "stopped", Count("a", 3), 3, 9)]


def test_a_job_left_before_its_first_step_leaves_no_run_behind(start: Start, stage: Stage, gate: Gate) -> None:
    shelf = Shelf()
    engine = start(shelf, held_at=gate)
    subscription = engine.ask(scripted())
    engine.leave(subscription)
    gate.open()
    assert finish(engine, subscription).state == "stopped"
    finish(engine, engine.ask(scripted("later")))
    shelf.wait_for(1)
    assert [name for name, *_ in shelf.records] == ["later"]
    assert ("a", 1) not in stage.played


def test_a_stopped_job_asked_again_runs_again(start: Start, stage: Stage, gate: Gate) -> None:
    engine = start(held_at=gate)
    subscription = engine.ask(scripted())
    engine.leave(subscription)
    gate.open()
    assert finish(engine, subscription).state == "stopped"
    assert finish(engine, engine.ask(scripted())).state == "finished"


def test_leaving_and_coming_back_within_one_step_costs_nothing(start: Start, stage: Stage, gate: Gate) -> None:
    stage.acts["a", 2] = gate
    engine = start()
    first = engine.ask(scripted())
    gate.reached()
    engine.leave(first)
    second = engine.ask(scripted())
    gate.open()
    assert finish(engine, second).state == "finished"
    assert stage.played == [("a", 1), ("a", 2), ("a", 3)]


def test_a_lease_that_runs_out_stops_the_job_and_a_renewed_one_does_not(start: Start, stage: Stage, clock: Clock) -> None:
    def pass_time() -> None:
        clock.now += limits.LEASE_SECONDS * 0.7

    engine = start()
    kept: list[str] = []
    for step in (1, 2, 3):
        stage.acts["renewed", step] = lambda: (pass_time(), engine.renew(kept))
        stage.acts["forgotten", step] = pass_time
    forgotten = engine.ask(scripted("forgotten", 5))
    assert finish(engine, forgotten).state == "stopped"
    assert stage.played == [("forgotten", 1), ("forgotten", 2)]
    gate = Gate()
    stage.acts["renewed", 1] = lambda: (gate(), pass_time(), engine.renew(kept))
    kept.append(engine.ask(scripted("renewed")))
    gate.open()
    assert finish(engine, kept[0]).state == "finished"


def test_looking_renews_the_lease(start: Start, stage: Stage, clock: Clock) -> None:
    subscriptions: list[str] = []

    def pass_time() -> None:
        clock.now += limits.LEASE_SECONDS * 0.7
        engine.look(subscriptions[0])

    gate = Gate()
    stage.acts.update({("a", 1): lambda: (gate(), pass_time()), ("a", 2): pass_time, ("a", 3): pass_time})
    engine = start()
    subscriptions.append(engine.ask(scripted()))
    gate.open()
    assert finish(engine, subscriptions[0]).state == "finished"


@pytest.mark.parametrize(("leased", "method"), [(False, "test_scripted"), (None, "test_scripted_background")])
def test_headless_and_background_jobs_outlive_any_lease(
    start: Start, stage: Stage, clock: Clock, leased: bool | None, method: str
) -> None:
    def pass_days() -> None:
        clock.now += 1e6

    stage.acts["a", 1] = pass_days
    engine = start()
    assert finish(engine, engine.ask(scripted(method=method), leased=leased)).state == "finished"


def test_interactive_jobs_go_before_background_ones(start: Start, stage: Stage, gate: Gate) -> None:
    engine = start(held_at=gate)
    later = engine.ask(scripted("background", 2, "test_scripted_background"))
    first = engine.ask(scripted("interactive", 2))
    gate.open()
    finish(engine, first)
    finish(engine, later)
    assert [name for name, _ in stage.played] == ["interactive"] * 2 + ["background"] * 2


def test_two_interactive_jobs_take_turns(start: Start, stage: Stage, gate: Gate) -> None:
    engine = start(held_at=gate)
    subscriptions = [engine.ask(scripted(name, 3)) for name in ("a", "b")]
    gate.open()
    for subscription in subscriptions:
        finish(engine, subscription)
    assert stage.played == [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3), ("b", 3)]


def test_a_newcomer_has_its_first_step_next(start: Start, stage: Stage, gate: Gate) -> None:
    stage.acts["a", 5] = gate
    engine = start()
    first = engine.ask(scripted("a", 9))
    gate.reached()
    second = engine.ask(scripted("b", 2))
    gate.open()
    finish(engine, first)
    finish(engine, second)
    assert stage.played[stage.played.index(("a", 5)) + 1] == ("b", 1)


@pytest.mark.parametrize(
    ("error", "reason", "hint"),
    [
        (ValueError("The photo is gone."), "The photo is gone.", ""),
        (KeyError("blocks.3"), "KeyError: 'blocks.3'", "defect"),
        (AssertionError("size"), "AssertionError: size", "defect"),
    ],
)
def test_a_failure_says_why_and_the_thread_goes_on(start: Start, stage: Stage, error: Exception, reason: str, hint: str) -> None:
    def fail() -> None:
        raise error

    stage.acts["a", 2] = fail
    engine = start()
    snapshot = finish(engine, engine.ask(scripted()))
    assert (snapshot.state, snapshot.reason) == ("failed", reason)
    assert hint in snapshot.hint
    assert snapshot.value == Count("a", 1)  # what was seen stays
    assert finish(engine, engine.ask(scripted("b"))).state == "finished"


def test_a_method_that_ends_without_a_result_has_failed(start: Start, stage: Stage) -> None:
    stage.acts["a", 2] = lambda: END
    engine = start()
    snapshot = finish(engine, engine.ask(scripted()))
    assert snapshot.state == "failed"
    assert "ended without a result" in snapshot.reason
    assert finish(engine, engine.ask(scripted("b"))).state == "finished"


def test_an_archive_that_fails_is_told_and_the_result_stands(start: Start, stage: Stage) -> None:
    class Full(Shelf):
        def record(self, *values: Any, **more: Any) -> None:
            raise OSError("disk full")

    engine = start(Full())
    assert finish(engine, engine.ask(scripted())).state == "finished"
    finish(engine, engine.ask(scripted("b")))  # after it, the first has been to the archive
    assert "disk full" in str(engine.status().problem)


def test_a_warm_up_that_fails_is_told_and_the_engine_runs(start: Start, stage: Stage) -> None:
    def fail(workshop: Any) -> None:
        raise OSError("no weights")

    engine = start(held_at=fail)  # type: ignore[arg-type]
    assert finish(engine, engine.ask(scripted())).state == "finished"
    assert engine.status().problem == "no weights"


def test_too_many_live_jobs_are_refused_with_the_limit(start: Start, stage: Stage, gate: Gate) -> None:
    engine = start(held_at=gate)
    subscriptions = [engine.ask(scripted(f"job {number}", 1)) for number in range(limits.LIVE_JOBS)]
    engine.ask(scripted("job 0", 1))  # one more subscriber is no job more
    with pytest.raises(QueueFull, match=str(limits.LIVE_JOBS)):
        engine.ask(scripted("one too many", 1))
    gate.open()
    for subscription in subscriptions:
        finish(engine, subscription)
    assert finish(engine, engine.ask(scripted("one too many", 1))).state == "finished"


def test_a_result_in_the_archive_is_answered_without_a_step(start: Start, stage: Stage) -> None:
    named = scripted().asking(model=ModelRef("test-linear", "0123456789ab"))
    engine = start(Shelf(results={named.hash: Count("a", 3)}))
    assert engine.free(named)
    snapshot = finish(engine, engine.ask(named))
    assert (snapshot.state, snapshot.value) == ("finished", Count("a", 3))
    assert stage.played == []


def test_a_question_that_means_the_newest_weights_is_not_answered_from_the_archive(start: Start, stage: Stage) -> None:
    engine = start(Shelf(results={scripted().hash: Count("of older weights", 3)}))
    assert not engine.free(scripted())
    assert finish(engine, engine.ask(scripted())).value == Count("a", 3)


def test_a_result_is_known_once_finished_and_still_known_when_the_job_is_forgotten(
    start: Start, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.engine.stepping.FINAL_JOBS_KEPT", 1)
    engine = start()
    first, followed = engine.ask(scripted()), engine.ask(scripted("followed"))
    finish(engine, first)
    engine.leave(first)
    for name in ("b", "c", "d"):
        last = engine.ask(scripted(name))
        finish(engine, last)
        engine.leave(last)
    finish(engine, followed)
    assert engine.look(first) is None
    assert engine.look(followed) is not None, "somebody still looks at it"
    with pytest.raises(LookupError):
        engine.wait(first, 0)
    stage.played.clear()
    assert finish(engine, engine.ask(scripted())).value == Count("a", 3)
    assert stage.played == []


def test_a_run_asked_for_without_keeping_is_kept_when_somebody_asks_to(start: Start, stage: Stage) -> None:
    shelf = Shelf()
    engine = start(shelf)
    finish(engine, engine.ask(scripted(), keep=False))
    finish(engine, engine.ask(scripted("b"), keep=False))
    assert shelf.records == []
    finish(engine, engine.ask(scripted()))
    shelf.wait_for(1)
    assert [(name, state) for name, state, *_ in shelf.records] == [("a", "finished")]
    assert stage.played.count(("a", 1)) == 1


def test_waiting_ends_with_each_new_snapshot_and_at_the_time_given(start: Start, stage: Stage, gate: Gate) -> None:
    stage.acts["a", 2] = gate
    engine = start()
    subscription = engine.ask(scripted())
    gate.reached()
    now = engine.look(subscription)
    assert now is not None
    assert engine.wait(subscription, now.version, timeout=0.01) == now
    gate.open()
    assert engine.wait(subscription, now.version, PATIENCE).version > now.version


def test_status_counts_what_runs_and_what_waits(start: Start, stage: Stage, gate: Gate) -> None:
    stage.acts["a", 2] = gate
    engine = start()
    assert engine.status().progress is None
    subscriptions = [engine.ask(scripted("a", 4))]
    gate.reached()
    subscriptions.append(engine.ask(scripted("b", 4)))
    status = engine.status()
    assert (status.running, status.waiting, status.ready) == (1, 1, True)
    assert status.progress == pytest.approx((1 / 4 + 0) / 2)
    gate.open()
    for subscription in subscriptions:
        finish(engine, subscription)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": -1}, "-1 is outside 0 to"),
        ({"seed": 2**31}, "2147483648 is outside"),
        ({"target": None}, "needs a target"),
        ({"target": Contrast(0, 1)}, "needs a target"),
        ({"params": 3}, "takes Script, not int"),
        ({"inputs": Runs((scripted,))}, "asked of an image"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(start: Start, stage: Stage, change: dict[str, Any], message: str) -> None:
    engine = start()
    with pytest.raises(ParameterError, match=message):
        engine.ask(scripted().asking(**change))
    assert engine.status().waiting == 0


def test_a_class_the_model_does_not_have_fails_with_the_limits(start: Start, stage: Stage) -> None:
    engine = start()
    for index in (-1, 3):
        snapshot = finish(engine, engine.ask(scripted().asking(target=ClassLogit(index))))
        assert snapshot.reason == f"Class {index} is outside 0 to 2, the classes of test-linear."
    assert stage.played == []


def test_closing_ends_the_thread_after_its_step(start: Start, stage: Stage) -> None:
    engine = start()
    finish(engine, engine.ask(scripted()))
    engine.close()
    assert not engine._thread.is_alive()
