"""Load on one server: reruns of 1, 10 and 30 visitors, and how its memory grows: `python -m tests.load`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from pathlib import Path
from subprocess import Popen

import numpy as np

from backend import places
from components.start import ENVIRONMENT
from tests.load.client import Visitor, visit
from tests.server import start, wait_until_up

BAR = 60.0
GROWTH_AT = (1, 10, 100)
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure, print, write the JSON; 1 where the bar for one visitor is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, nargs="*", default=[1, 10, 30])
    parser.add_argument("--reruns", type=int, default=20, help="of each visitor")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds each visitor waits between reruns")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(places.models(), target_is_directory=True)
        log = Path(folder) / "log.txt"
        process, address = start("app.py", log, ENVIRONMENT | {"VITRINE_HOME": folder})
        try:
            wait_until_up(process, address, log)
            found = _measure(address, process, chosen)
        finally:
            process.terminate()
            process.wait(timeout=20)
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return int(found["reruns"][0]["p50_ms"] > BAR)


def _measure(address: str, process: Popen[bytes], chosen: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    growth = asyncio.run(_growth(address, process.pid))
    reruns = []
    for visitors in chosen.visitors:
        before = _cpu(process.pid)
        seconds = asyncio.run(visit(address, visitors, chosen.reruns, chosen.pause))
        middle, slow = 1e3 * np.quantile(seconds, [0.5, 0.95])
        load = os.getloadavg()[0]
        cpu = 1e3 * (_cpu(process.pid) - before) / len(seconds)  # with the first runs, which draw the page anew
        bar = f", bar {BAR:.0f} ms: {'shown' if middle <= BAR else 'missed'}" if visitors == 1 else ""
        said = f"p50 {middle:.0f} ms, p95 {slow:.0f} ms, server CPU {cpu:.0f} ms a rerun, load {load:.2f}{bar}"
        print(f"{visitors:3} visitors, {len(seconds)} reruns, {chosen.pause:g} s apart: {said}", flush=True)
        reruns.append({"visitors": visitors, "p50_ms": middle, "p95_ms": slow, "server_cpu_ms": cpu, "load": load})
    return {"reruns": reruns, "growth": growth}


async def _growth(address: str, pid: int) -> list[dict[str, float]]:
    visitor = Visitor(address)
    await visitor.open()
    await visitor.wait_until_still()
    start_bytes, done, cpu, found = _resident(pid), 0, _cpu(pid), []
    for upto in GROWTH_AT:
        while done < upto:
            await visitor.rerun()
            done += 1
        found.append({"reruns": done, "growth_mb": (_resident(pid) - start_bytes) / 1e6})
    each = 1e3 * (_cpu(pid) - cpu) / done
    grown = ", ".join(f"{item['growth_mb']:.1f} MB after {item['reruns']:.0f}" for item in found)
    print(f"finished page: {start_bytes / 1e6:.0f} MB resident; reruns add {grown}; server CPU {each:.0f} ms a rerun", flush=True)
    await visitor.close()
    return found


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    raise SystemExit(main())
