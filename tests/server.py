"""The app in a server process of its own, for tests and measurements that talk to it from outside."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
START_SECONDS = 60


def start(script: str, log: Path, environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], str]:
    """Start a script on a free port, its output in `log`; the process and its address, which may not answer yet."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, f"--server.port={port}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        )
    return process, f"http://{HOST}:{port}"


def wait_until_up(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    """Wait until the script has run once, which warms the router. Raises AssertionError with the end of the log."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/script-health-check", timeout=START_SECONDS):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise AssertionError(f"the server did not come up in {START_SECONDS} s:\n{log.read_text(errors='replace')[-3000:]}")
