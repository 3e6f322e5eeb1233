"""A home of its own for the test session, with the weights of this machine in it, and an engine that belongs to one test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from backend.engine.stepping import Engine
    from backend.methods.question import ModelRef
    from backend.models.loaded import ImageModel

# Read by torch and NumPy when they are imported, so nothing above imports them. Threads that spin while they wait, and
# small products handed to a second thread, make a shared machine ten times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session", autouse=True)
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Photos, runs and the database of the tests go to a folder of their own; weights are those `make run` converted.

    A link and not a copy, and it stands whether or not weights are there: a test that needs them fails without.
    """
    from backend import places

    weights, home = places.models(), tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(weights, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITRINE_HOME", str(home))
        yield home


@cache
def _loaded_models() -> dict[ModelRef, ImageModel]:
    """Shipped models that some test has loaded."""
    return {}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A fresh engine on the CPU without an archive, which headless calls of the test use too.

    Sweeps and results are the test's own. Shipped models are loaded once a session, as no test may write to their weights.
    """
    import backend.methods.implementations  # noqa: F401  (a test's clock starts after the imports)
    from backend.engine.stepping import Engine
    from backend.engine.workshop import Workshop
    from backend.models import catalog, loading

    real = loading.load

    def load(ref: ModelRef, device: str = "cpu") -> ImageModel:
        if ref.name not in {entry.name for entry in catalog._shipped()}:
            return real(ref, device)
        shared = _loaded_models()
        if ref not in shared:
            shared[ref] = real(ref, device)
        return shared[ref]

    monkeypatch.setattr(loading, "load", load)
    running = Engine(lambda: Workshop("cpu"))
    monkeypatch.setattr("backend.engine._engines", [running])
    yield running
    running.close()
