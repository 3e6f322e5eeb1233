"""Gradients at noisy copies of the sample: read by SmoothGrad."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from backend.engine.asking import Asking, array
from backend.engine.passes import score
from backend.methods.registry import sweep
from backend.methods.saliency.series import Noise, NoiseSweep


@sweep("noise", params=Noise, by_target=True)
def noise(asking: Asking, params: Noise) -> Iterator[NoiseSweep]:
    """Yield running moments after each batch; sample i's noise depends on the seed and i alone."""
    sample = asking.sample
    spread = params.level * float(sample.max() - sample.min())
    total = torch.zeros_like(sample)
    square = torch.zeros_like(sample)
    explained = float("nan")
    for part in asking.batches(params.samples):
        draws = [draw(sample, asking.question.seed, index) for index in range(part.start, part.stop)]
        record = asking.gradient(sample + spread * torch.stack(draws), asking.target)
        total += record.gradient.sum(0)
        square += record.gradient.square().sum(0)
        if part.start == 0:
            explained = float(score(asking.forward(sample[None]).logits, asking.target)[0])
        yield NoiseSweep(array(total / part.stop), array(square / part.stop), explained, part.stop, params.samples)


def draw(like: Tensor, seed: int, index: int) -> Tensor:
    """Standard normal noise of the tensor's shape for one index of a seeded series, float32 drawn on the CPU."""
    # The generator heeds 32 bits of its seed, so both numbers are mixed into that many.
    mixed = int(np.random.SeedSequence([seed, index]).generate_state(1)[0])
    generator = torch.Generator().manual_seed(mixed)
    return torch.randn(like.shape, generator=generator).to(like.device, like.dtype)
