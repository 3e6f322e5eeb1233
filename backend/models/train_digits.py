"""Trains the digits models: `python -m backend.models.train_digits` prints accuracies and writes the weights of seed 0."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from backend.data.digits import Digits, held_out, training
from backend.data.frames import normalise
from backend.models.catalog import DIGITS_FRAME
from backend.models.digits import WEIGHTS, DigitsCNN, DigitsViT

MODELS: dict[str, tuple[Callable[[], nn.Module], int, float, tuple[int, ...]]] = {
    "digits-cnn": (DigitsCNN, 40, 3e-3, (0,)),
    "digits-vit": (DigitsViT, 150, 2e-3, (0, 1, 2)),
}
BATCH = 64
SMOOTHING = 0.05
WEIGHT_DECAY = 0.02


def inputs(digits: Digits) -> Tensor:
    """The models' input for all pictures, float32 (count, 1, 8, 8)."""
    return torch.from_numpy(np.stack([normalise(pixels[:, :, None], DIGITS_FRAME) for pixels in digits.pixels]))


def shifted(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture moved by −1, 0 or 1 pixel along both axes, paper coming in at the edge."""
    paper = float(batch.min())
    padded = functional.pad(batch, (1, 1, 1, 1), value=paper)  # (batch, 1, 10, 10)
    moves = torch.randint(0, 3, (len(batch), 2), generator=generator).tolist()
    return torch.stack([picture[:, y : y + 8, x : x + 8] for picture, (y, x) in zip(padded, moves, strict=True)])


def trained(make: Callable[[], nn.Module], epochs: int, rate: float, seed: int) -> nn.Module:
    """A model trained on the training split with AdamW and one learning-rate cycle, in evaluation mode."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model, images, classes = make(), inputs(training()), torch.from_numpy(training().classes)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=WEIGHT_DECAY)
    batches = len(images) // BATCH
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=epochs * batches)
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=generator)[: batches * BATCH]
        for rows in order.split(BATCH):
            logits = model(shifted(images[rows], generator))
            optimiser.zero_grad()
            functional.cross_entropy(logits, classes[rows], label_smoothing=SMOOTHING).backward()
            optimiser.step()
            cycle.step()
    return model.eval()


def accuracy(model: nn.Module, digits: Digits) -> float:
    """The share of pictures whose largest logit is the digit written."""
    with torch.inference_mode():
        return float((model(inputs(digits)).argmax(dim=1) == torch.from_numpy(digits.classes)).double().mean())


def write(model: nn.Module, path: Path, facts: dict[str, str]) -> None:
    """Store the weights as safetensors, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, unfinished, metadata=facts)
    os.replace(unfinished, path)
    path.chmod(0o644)


def main() -> None:
    """Train all models with all their seeds, print accuracies, write the weights of seed 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=WEIGHTS, help="where to write the weights")
    folder = parser.parse_args().folder
    for name, (make, epochs, rate, seeds) in MODELS.items():
        found = []
        for seed in seeds:
            model = trained(make, epochs, rate, seed)
            found.append(accuracy(model, held_out()))
            print(f"{name} seed {seed}: {found[-1]:.2%} of {len(held_out().classes)} held-out digits", flush=True)
            if seed == 0:
                write(model, folder / f"{name}.safetensors", {"seed": "0", "epochs": str(epochs), "held_out": f"{found[-1]:.4f}"})
        print(f"{name}: mean of {len(seeds)} {np.mean(found):.2%}")


if __name__ == "__main__":
    main()
