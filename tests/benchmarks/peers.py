"""Talks to a peer: a process in its own environment that runs one repetition when asked."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.benchmarks.timing import Timing

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"


class Peer:
    """Captum on the same net, sample, baselines and target. Raises FileNotFoundError where its environment is missing."""

    def __init__(self, folder: Path, given: dict[str, Any], threads: int, python: Path = PYTHON) -> None:
        if not python.exists():
            raise FileNotFoundError(f"{python} is missing; `make bench` makes it from tests/benchmarks/requirements-peers.txt")
        self._folder = folder
        torch.save(given, folder / "given.pt")
        command = [str(python), str(Path(__file__).parent / "peer_captum.py"), str(folder), str(threads)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = self._read()

    def time(self, **asked: Any) -> Timing:
        """One repetition, measured by the peer itself."""
        return Timing(**self._ask(asked))

    def result(self, **asked: Any) -> np.ndarray:
        """The attribution, float32 (C, H, W)."""
        self._ask(asked | {"save": "result.pt"})
        return np.asarray(torch.load(self._folder / "result.pt", weights_only=True).numpy())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer ended with {self._process.wait()}; its last words stand above")
        answer: dict[str, Any] = json.loads(line)
        return answer
