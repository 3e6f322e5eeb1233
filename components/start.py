"""Starts the app, runs it once so that the first visitor's link meets a warm router, and then says where it is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE = 60.0  # seconds; a cold disk reads Streamlit slowly
# What the C library and the thread pools read before Python does.
ENVIRONMENT = {
    # Threads that spin at every barrier starve when the browser wants a core; NumPy's own add nothing to small products.
    "OMP_WAIT_POLICY": "PASSIVE",
    "OPENBLAS_NUM_THREADS": "1",
    # Without these the engine's thread gives every large tensor back to the system and faults it in again page by page:
    # four tenths of the time of a gradient. The process keeps the memory of its largest pass instead.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(4 << 30),
}
ROOT = Path(__file__).resolve().parents[1]


def main(address: str, port: str) -> int:
    """Serve until stopped; the server's exit code."""
    options = ["--server.address", address, "--server.port", port]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *options]
    server = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT | os.environ, stdout=subprocess.DEVNULL)
    try:
        if not _warm(f"http://{address}:{port}", server):
            return server.wait() or 1
        print(f"Vitrine: http://{address}:{port}", flush=True)
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()
        return server.wait()


def _warm(base: str, server: subprocess.Popen[bytes]) -> bool:
    """Whether the app answered, having run once: the engine starts then, and deep links find the router."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{base}/_stcore/script-health-check", timeout=PATIENCE) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            print(f"The app does not run: {error.read().decode(errors='replace')[:500]}", file=sys.stderr)
            server.terminate()
            return False
        except OSError:
            time.sleep(0.1)
    server.terminate()
    return False


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
