"""The warm-up: what would make the first click slow is loaded before it, on the engine's thread."""

from __future__ import annotations

import os

import pandas  # noqa: F401  (Streamlit reads it with the first figure; what is imported before the freeze is never collected anew)
import pyarrow.compute  # noqa: F401
import torch

import backend.methods.implementations  # noqa: F401  (registers all sweeps)
from backend.engine.passes import Passes
from backend.engine.workshop import Workshop
from backend.methods.question import ClassLogit, ModelRef
from backend.models.catalog import entries


def warm_up(workshop: Workshop) -> None:
    """Choose the device, load the default model and run one pass each way. Raises ModelError where it is missing."""
    workshop.device = workshop.device or best_device()
    torch.set_num_threads(os.cpu_count() or 1)
    ref = ModelRef(entries()[0].name)
    model = workshop.model(ref)
    size = model.card.preprocess
    passes = Passes(model, workshop.speed(ref))
    for rows in (1, 1, 8):
        passes.gradient(torch.zeros(rows, size.channels, size.height, size.width), ClassLogit(0))
        passes.forward(torch.zeros(rows, size.channels, size.height, size.width))


def best_device() -> str:
    """The first CUDA device where there is one, else the CPU."""
    return "cuda:0" if torch.cuda.is_available() else "cpu"
