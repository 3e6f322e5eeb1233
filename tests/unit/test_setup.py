"""Set-up: pinned requirements, a catalog free of torch, and a Makefile that says what is missing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    # Under `make test` this make would take itself for a part of that one and say which folder it enters.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    return subprocess.run(["make", *arguments], cwd=folder, env=alone, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-test.txt"])
def test_every_requirement_is_pinned_and_says_why(file: str) -> None:
    lines = [line for line in (ROOT / file).read_text().splitlines() if line and not line.startswith(("#", "-r"))]
    assert lines
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+ +# .{4,}", line), line


def test_torch_is_the_first_requirement() -> None:
    """Another package installed before it could bring a build of its own."""
    first = next(line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#"))
    assert first.startswith("torch==")


def test_the_manifest_names_version_and_checksum_of_each_package() -> None:
    for package in json.loads((ROOT / "assets" / "models.json").read_text()):
        assert re.fullmatch(r"[0-9a-f]{64}", package["sha256"])
        assert package["version"] in package["file"]


def test_the_catalog_needs_no_torch() -> None:
    code = (
        "import sys; from backend import places; from backend.models.catalog import entries; "
        "from backend.models import prepare; assert entries(); prepare.read_manifest(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_an_old_python_is_named_with_the_way_out(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / "requirements.txt").write_text("")
    done = make("run", f"PYTHON={old}", folder=tmp_path)
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert "Python 3.9.2" in done.stderr


def test_a_missing_python_is_named(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / "requirements.txt").write_text("")
    done = make("run", "PYTHON=no-such-python", folder=tmp_path)
    assert done.returncode != 0
    assert "there is no no-such-python" in done.stderr


def test_ci_runs_make_test() -> None:
    assert "exec make test" in (ROOT / ".ci" / "run").read_text()


def test_a_second_set_up_has_nothing_to_do(tmp_path: Path) -> None:
    """With all stamps in place only the look at the weights is left."""
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("bin/python", ".installed", ".figure"):
        (tmp_path / ".venv" / name).touch()
    commands = [line for line in make("-n", "models", folder=tmp_path).stdout.splitlines() if line]
    assert commands == [".venv/bin/python -m backend.models.prepare"]
