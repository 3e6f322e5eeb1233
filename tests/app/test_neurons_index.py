"""The index as a visitor sees it: it starts by itself, stops when told to, stays stopped, goes on, and outlives its visitor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from backend.engine import engine
from backend.engine.job import Snapshot
from components import jobs
from tests.app.explorer import Explorer, stop_all_tended
from tests.app.visit import WORK_SECONDS, Visit

MODEL = "efficientnet-lite0"
LINK = {"model": MODEL, "neuron_index.items": "256"}


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    yield
    stop_all_tended()


def _index_job() -> tuple[str, Snapshot]:
    """The subscription to the model's index and where it stands."""
    found = {name: engine().look(name) for name in jobs._tended.values()}
    return next(
        (name, snapshot)
        for name, snapshot in found.items()
        if snapshot is not None and snapshot.question.method == "neuron_index" and snapshot.question.model.name == MODEL
    )


def _until(there: Callable[[], bool]) -> None:
    end = time.monotonic() + WORK_SECONDS
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_index_is_stopped_stays_so_goes_on_and_outlives_its_visitor() -> None:
    visit = Explorer(**LINK).settle()
    name, _ = _index_job()
    _until(lambda: _index_job()[1].done > 0)
    visit.run().press("Stop")
    stopped = engine().wait_final(name, WORK_SECONDS)
    assert stopped is not None
    assert stopped.state == "stopped"
    visit.settle()
    assert visit.says("Stopped.")
    again = Explorer(**LINK).settle()
    assert again.says("Stopped.")
    assert _index_job()[1].state == "stopped"

    again.press("Go on")
    name, _ = _index_job()
    Visit(model=MODEL, methods="gradient").settle()  # another page, which forgets what it does not show
    done = engine().wait_final(name, 3 * WORK_SECONDS)
    assert done is not None
    assert done.state == "finished"
    assert done.value.finished
    last = Explorer(**LINK).settle()
    assert last.says(f"Read over Photo crops: {done.value.items:,} pictures")
    assert not last.has_button("Go on")
    assert len(last.units) == 50
