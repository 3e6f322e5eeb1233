"""Load tests use the browser tests' server."""

from __future__ import annotations

from tests.browser.conftest import app, serve

__all__ = ["app", "serve"]
