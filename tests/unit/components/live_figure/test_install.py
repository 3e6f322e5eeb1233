"""Set-up of the live figure: the bundle is that of the pinned wheel, and a second set-up does nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from components.live_figure import install
from components.live_figure.figure import ASSETS


def test_set_up_has_been_run_here() -> None:
    assert install.installed(), "run `make run` or `python -m components.live_figure.install` first"
    assert install.BUNDLE.read_bytes() == install.bundled().read_bytes()


def test_a_second_set_up_copies_and_installs_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a second set-up must not call pip")

    monkeypatch.setattr(subprocess, "run", refuse)
    install.install()
    assert "in place" in capsys.readouterr().out


def test_a_missing_bundle_is_brought_and_an_old_one_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "plotly.min.js"
    monkeypatch.setattr(install, "BUNDLE", bundle)
    assert install.copy_bundle()
    bundle.write_text("old")
    assert install.copy_bundle()
    assert not install.copy_bundle()


def test_an_installation_elsewhere_does_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(install, "FOLDER", tmp_path)
    assert not install.installed()


def test_the_script_takes_no_markup_from_data() -> None:
    script = (ASSETS / "figure.js").read_text()
    assert "innerHTML" not in script
    assert "eval(" not in script
