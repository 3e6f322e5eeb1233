"""Units by the meaning of their labels: nearest first, of this model alone, and anew once a label has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

import backend
from backend import places
from backend.engine.stepping import Engine
from backend.headless import RunError
from backend.methods.neurons.unit import Unit
from backend.methods.question import ModelRef
from backend.store.labels import Labels

MODEL = "digits-cnn"


@pytest.fixture
def labels(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Labels:
    """Labels of a home where nobody else has written any."""
    (tmp_path / "models").symlink_to(places.models(), target_is_directory=True)
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    return Labels(MODEL, engine.workshop.model(ModelRef(MODEL)).card.revision)


def test_the_nearest_in_meaning_comes_first(labels: Labels) -> None:
    days = labels.add(Unit("stage1", 0), "names of weekdays", author="Ada")
    code = labels.add(Unit("stage2", 1), "brackets in source code", author="Ada")
    Labels("other", "r1").add(Unit("stage1", 0), "Monday morning", author="Ada")
    for query, best in (("Monday and Friday", days), ("programming", code)):
        found = backend.run("label_search", model=MODEL, query=query, state=labels.state())
        assert (found.labels[0], found.layers[0], found.units[0]) == (best.id, best.unit.layer, best.unit.index)
        assert set(found.texts) == {"names of weekdays", "brackets in source code"}
        assert (found.similarities[:-1] >= found.similarities[1:]).all()
    labels.edit(code.id, "Sundays", author="Ada")
    again = backend.run("label_search", model=MODEL, query="programming", state=labels.state())
    assert "Sundays" in again.texts


@pytest.mark.parametrize(("query", "message"), [("  ", "it is empty"), ("x" * 201, "201 characters; the limit is 200")])
def test_a_query_that_cannot_be_searched_is_told(labels: Labels, query: str, message: str) -> None:
    with pytest.raises(RunError, match=message):
        backend.run("label_search", model=MODEL, query=query)
