"""The neuron page on a randomly initialised model of Llama's 1B shape: alive, with its waits and its memory printed.

`python -m tests.benchmarks.large_model`; takes some minutes and about 12 GB.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from backend import places
from components.start import ENVIRONMENT
from tests.load.client import Visitor
from tests.server import start, wait_until_up

NAME = "llama-1b-random"
OPERATOR = f'''
from backend import add_language_model, places


def load():
    import torch
    from tokenizers import Tokenizer
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32, num_key_value_heads=8,
        head_dim=64, vocab_size=128256, max_position_embeddings=8192, tie_word_embeddings=True,
    )
    tokenizer = Tokenizer.from_file(str(places.models() / "smollm2-135m-instruct" / "tokenizer.json"))
    return LlamaForCausalLM(config), tokenizer


add_language_model("{NAME}", load, "Random weights in the shape of Llama 3.2 1B.")
'''
PAGES = {
    "explorer": f"model={NAME}",
    "unit card": f"model={NAME}&unit=mlp.7:4000",
    "reading a sentence": f"model={NAME}&mode=sentence&prompt=The+capital+of+France+is",
}
RERUNS = 10


def main() -> int:
    """Measure and print; 1 where a page does not come."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long each page is watched")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(places.models(), target_is_directory=True)
        operator, log = Path(folder) / "operator.py", Path(folder) / "log.txt"
        operator.write_text(OPERATOR, encoding="utf-8")
        process, address = start("app.py", log, ENVIRONMENT | {"VITRINE_HOME": folder, "VITRINE_OPERATOR": str(operator)})
        try:
            wait_until_up(process, address, log)
            asyncio.run(_visit(address, process.pid, chosen.seconds))
        finally:
            process.terminate()
            process.wait(timeout=60)
            failed = [line for line in log.read_text(errors="replace").splitlines() if "failed" in line.lower()]
    for line in failed[:20]:
        print(f"log: {line[:200]}")
    return int(bool(failed))


async def _visit(address: str, pid: int, seconds: float) -> None:
    print(f"server before the model: {_resident(pid):.1f} GB resident", flush=True)
    for name, query in PAGES.items():
        visitor = Visitor(address, page="neurons", query=query)
        begun = time.perf_counter()
        await visitor.open()
        chrome = time.perf_counter() - begun
        waits, peak = [], 0.0
        while time.perf_counter() - begun < seconds:
            waits.append((await visitor.rerun())[0])
            peak = max(peak, _resident(pid))
            await asyncio.sleep(seconds / 10 / RERUNS)
        middle, slow = np.quantile(waits, [0.5, 0.95])
        said = f"first run {chrome:.2f} s; {len(waits)} reruns while it works: p50 {1e3 * middle:.0f} ms, p95 {1e3 * slow:.0f} ms"
        print(f"{name}: {said}; at most {peak:.1f} GB resident; {visitor.received / 1e6:.1f} MB sent", flush=True)
        await visitor.close()


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e9


if __name__ == "__main__":
    raise SystemExit(main())
