"""Reports are made of stored runs: the same home and runs as the store's tests."""

from tests.unit.store.conftest import home, runs

__all__ = ["home", "runs"]
