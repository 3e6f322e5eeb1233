"""Captum in a process and an environment of its own: runs one attribution a line of JSON and tells what it cost.

Run by the environment of requirements-peers.txt, which has neither the app nor anything it needs.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from captum.attr import IntegratedGradients, Occlusion
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval


def raw_net(weights: dict[str, Tensor]) -> nn.Module:
    """The network as its package makes it, evaluation mode, without parameter gradients, which attribution never needs."""
    net: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict(weights)
    return net.eval().requires_grad_(False)


def folded_net(raw: Any) -> nn.Module:
    """The same with batch norms folded and channels last, as the app runs it."""
    net = copy.deepcopy(raw)
    pairs = [(net, "_conv_stem", "_bn0"), (net, "_conv_head", "_bn1")]
    for block in net._blocks:
        names = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        pairs += [(block, conv, norm) for conv, norm in names if hasattr(block, conv)]
    for part, conv, norm in pairs:
        setattr(part, conv, fuse_conv_bn_eval(getattr(part, conv), getattr(part, norm)))
        setattr(part, norm, nn.Identity())
    return net.requires_grad_(False).to(memory_format=torch.channels_last)


class Peer:
    """Holds the nets and the inputs."""

    def __init__(self, folder: Path, threads: int) -> None:
        torch.set_num_threads(threads)
        given = torch.load(folder / "given.pt", weights_only=True)
        raw = raw_net(given["weights"])
        self.nets = {"raw": raw, "folded": folded_net(raw)}
        self.sample, self.baseline, self.fill = (given[name][None] for name in ("sample", "baseline", "fill"))  # (1, C, H, W)
        self.target = int(given["target"])
        self.folder = folder

    def run(self, method: str, net: str, chunk: int, **settings: int) -> Tensor:
        """One attribution, (1, C, H, W)."""
        layout = torch.channels_last if net == "folded" else torch.contiguous_format
        sample = self.sample.contiguous(memory_format=layout)
        if method == "integrated_gradients":
            return IntegratedGradients(self.nets[net]).attribute(
                sample, self.baseline, self.target, n_steps=settings["steps"], method="gausslegendre", internal_batch_size=chunk
            )
        window, stride, channels = settings["window"], settings["stride"], sample.shape[1]
        return Occlusion(self.nets[net]).attribute(
            sample, (channels, window, window), (channels, stride, stride), self.fill, self.target, perturbations_per_eval=chunk
        )

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Run what is asked; its CPU seconds over all threads, its wall seconds, and the result in a file if `save` names one."""
        save = asked.pop("save", None)
        wall, cpu = time.perf_counter(), time.process_time()
        result = self.run(**asked)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        if save:
            torch.save(result.detach()[0].contiguous(), self.folder / save)
        return {"cpu": cpu, "wall": wall}


def main() -> None:
    """Answer each line of standard input on standard output."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints must not be taken for an answer
    peer = Peer(Path(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(peer.answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
