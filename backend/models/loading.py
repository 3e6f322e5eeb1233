"""Loads a model of the catalog as the fast path wants it: evaluation mode, batch norm folded, no parameter gradients."""

from __future__ import annotations

import copy
import hashlib

import torch
from torch import Tensor, nn

from backend.methods.question import ModelRef
from backend.models.card import FORWARD, GRADIENTS, SPATIAL_LAYERS, UNITS, Capability, ModelCard
from backend.models.catalog import CatalogEntry, ModelError, entry, reads_text
from backend.models.folding import folded
from backend.models.hooks import unit_layers
from backend.models.image_units import image_units
from backend.models.layers import discover
from backend.models.loaded import ImageModel, LanguageModel

_LARGE = 32


def load_any(ref: ModelRef, device: str = "cpu") -> ImageModel | LanguageModel:
    """The model of either kind, ready to be asked, on `device` in `ref.dtype`. Raises ModelError."""
    if reads_text(ref.name):
        from backend.models.language import load_language

        return load_language(ref, _device(device))
    return load(ref, device)


def load(ref: ModelRef, device: str = "cpu") -> ImageModel:
    """The image model, ready to be asked, on `device` in `ref.dtype`. Raises ModelError.

    With dtype float64 the folded weights are never rounded to float32. Convolution networks for inputs of 32 pixels and
    more run channels-last on the CPU, which is faster there in float32 and bfloat16.
    """
    offered, place = entry(ref.name), _device(device)
    module, example = unfolded(ref.name), _example(offered)
    revision, parameters = _revision(module), sum(parameter.numel() for parameter in module.parameters())
    if ref.revision and ref.revision != revision:
        raise ModelError(f"{ref.name}: revision {ref.revision[:20]} is not on this machine, {revision} is")
    dtype: torch.dtype = getattr(torch, ref.dtype)
    if dtype is torch.float64:
        module, example = module.double(), example.double()
    module = folded(module, example)
    layers, layer_cards = discover(module, example, offered.layers)
    units = image_units(module, layers, layer_cards)
    card = ModelCard(
        name=ref.name,
        revision=revision,
        parameters=parameters,
        preprocess=offered.preprocess,
        labels=offered.labels,
        layers=layer_cards,
        capabilities=_capabilities(module, example, bool(layers), bool(units)),
        device=str(place),
        units=unit_layers(units),
    )
    memory_format = _memory_format(module, offered, place, dtype)
    module = module.to(device=place, dtype=dtype).to(memory_format=memory_format)  # type: ignore[call-overload]
    return ImageModel(card, module, layers, place, dtype, memory_format, units)


def unfolded(name: str) -> nn.Module:
    """The module as its family wrote it, batch norm unfolded: float32, CPU, evaluation mode, checked. Raises ModelError."""
    offered = entry(name)
    try:
        module = offered.build()
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"{name} could not be built: {type(error).__name__}: {str(error)[:300]}") from error
    if not isinstance(module, nn.Module):
        raise ModelError(f"{name}: the factory gave a {type(module).__name__}, not an nn.Module")
    # A factory may give the same object twice, and it stays the operator's.
    module = copy.deepcopy(module).to(device="cpu", dtype=torch.float32).eval().requires_grad_(False)
    _check_weights(name, module)
    _check_logits(offered, module)
    _out_of_place(module, _example(offered))
    return module


def _out_of_place(module: nn.Module, example: Tensor) -> None:
    """Let activations write to a new tensor, so that a layer's output stays what was read; not where logits depend on it."""
    inplace = [part for part in module.modules() if getattr(part, "inplace", None) is True]
    with torch.no_grad():
        before = module(example.clone())
        for part in inplace:
            part.inplace = False  # type: ignore[assignment]
        if inplace and not torch.equal(module(example.clone()), before):
            for part in inplace:
                part.inplace = True  # type: ignore[assignment]


def _check_weights(name: str, module: nn.Module) -> None:
    for path, tensor in module.state_dict().items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            bad = int((~tensor.isfinite()).sum())
            raise ModelError(f"{name}: {bad} of {tensor.numel()} weights in {path} are not finite numbers")


def _check_logits(offered: CatalogEntry, module: nn.Module) -> None:
    example = _example(offered)
    try:
        with torch.no_grad():
            logits = module(example)
    except Exception as error:
        shape = " × ".join(map(str, example.shape))
        raise ModelError(f"{offered.name} does not take a batch of {shape}: {str(error)[:300]}") from error
    if not isinstance(logits, Tensor):
        raise ModelError(f"{offered.name} gives a {type(logits).__name__}, not a tensor of logits (batch, classes)")
    expected = (1, len(offered.labels))
    if tuple(logits.shape) != expected:
        raise ModelError(f"{offered.name} gives logits of shape {tuple(logits.shape)}; its {expected[1]} labels need {expected}")
    if not bool(logits.isfinite().all()):
        raise ModelError(f"{offered.name} gives logits that are not finite numbers")


def _example(offered: CatalogEntry) -> Tensor:
    size = offered.preprocess
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, size.channels, size.height, size.width, generator=generator)  # (1, C, H, W)


def _revision(module: nn.Module) -> str:
    """The first 12 hexadecimal digits of the SHA-256 over names, shapes and values of all weights."""
    digest = hashlib.sha256()
    for path, tensor in sorted(module.state_dict().items()):
        digest.update(f"{path} {tuple(tensor.shape)} {tensor.dtype};".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def _capabilities(module: nn.Module, example: Tensor, has_layers: bool, has_units: bool) -> frozenset[Capability]:
    found: set[Capability] = {FORWARD}
    if _has_gradients(module, example):
        found.add(GRADIENTS)
    if has_layers:
        found.add(SPATIAL_LAYERS)
    if has_units:
        found.add(UNITS)
    return frozenset(found)


def _has_gradients(module: nn.Module, example: Tensor) -> bool:
    pixels = example.clone().requires_grad_(True)
    try:
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(module(pixels).max(), pixels)
    except RuntimeError:
        # The logits do not depend on the pixels in a way autograd sees, or the module writes to its input.
        return False
    return bool(gradient.isfinite().all())


def _memory_format(module: nn.Module, offered: CatalogEntry, place: torch.device, dtype: torch.dtype) -> torch.memory_format:
    convolutions = any(isinstance(part, nn.Conv2d) for part in module.modules())
    large = min(offered.preprocess.height, offered.preprocess.width) >= _LARGE
    if convolutions and large and place.type == "cpu" and dtype is not torch.float64:
        return torch.channels_last
    return torch.contiguous_format


def _device(name: str) -> torch.device:
    try:
        place = torch.device(name)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise ModelError(f"device {name[:40]!r} is not usable here: {str(error).splitlines()[0][:200]}") from error
    return place
