"""The one engine of this process, started at first use; importing this leaves torch unimported."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.engine.stepping import Engine
    from backend.engine.workshop import Workshop

_lock = threading.Lock()
_engines: list[Engine] = []


def engine() -> Engine:
    """The engine of this process; the first call starts its thread, which loads torch and the default model."""
    from backend.engine.stepping import Engine

    with _lock:
        if not _engines:
            _engines.append(Engine(_workshop, _warm_up))
        return _engines[0]


def _workshop() -> Workshop:
    from backend.engine.workshop import Workshop
    from backend.store.runs import RunStore

    return Workshop(os.environ.get("VITRINE_DEVICE", ""), RunStore())


def _warm_up(workshop: Workshop) -> None:
    from backend.engine.warm import warm_up

    warm_up(workshop)
