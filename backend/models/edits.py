"""Edits of a model: a changed copy, while the model itself stays as it is."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from backend.methods.question import RandomiseWeights
from backend.models.catalog import ModelError
from backend.models.loaded import ImageModel


def edited(model: ImageModel, edits: tuple[RandomiseWeights, ...]) -> ImageModel:
    """The model with the edits made in order; its own weights are never written to. Without edits, the model itself.

    Raises ModelError for stages outside 1 to `of`.
    """
    if not edits:
        return model
    module = copy.deepcopy(model.module)
    for edit in edits:
        _randomise(module, edit, model)
    return replace(model, module=module)


def in_forward_order(model: ImageModel) -> tuple[str, ...]:
    """Paths of the modules that own parameters and run, in the order in which they first run; "" is the module itself."""
    order: dict[str, None] = {}

    def note(path: str) -> Any:
        return lambda *_: order.setdefault(path)

    owning = [(path, part) for path, part in model.module.named_modules() if any(True for _ in part.parameters(recurse=False))]
    handles = [part.register_forward_pre_hook(note(path)) for path, part in owning]
    size = model.card.preprocess
    try:
        with torch.no_grad():
            model.module(torch.zeros(1, size.channels, size.height, size.width, device=model.device, dtype=model.dtype))
    finally:
        for handle in handles:
            handle.remove()
    return tuple(order)


def _randomise(module: nn.Module, edit: RandomiseWeights, model: ImageModel) -> None:
    """Draw the deepest parts anew (Adebayo et al. 2018), each tensor from a normal with its own mean and deviation.

    Draws run from the head down, so that more stages keep the draws of fewer with the same seed.
    """
    if not 1 <= edit.stages <= edit.of:
        raise ModelError(f"{edit.stages} stages of {edit.of}: stages go from 1 to {edit.of}")
    order = in_forward_order(model)
    generator = torch.Generator().manual_seed(edit.seed)
    for path in reversed(order[len(order) - math.ceil(len(order) * edit.stages / edit.of) :]):
        for parameter in module.get_submodule(path).parameters(recurse=False):
            values = parameter.detach().double()
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64).to(values.device)
            with torch.no_grad():
                parameter.copy_(drawn * values.std(correction=0) + values.mean())
