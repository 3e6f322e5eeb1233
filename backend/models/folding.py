"""Folds batch norms into the convolutions before them, where one forward pass shows that it changes nothing else."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode

TOLERANCE = 1e-4


@dataclass
class _Trace:
    """What one forward pass saw: outputs and uses by tensor identity; the tensors are kept so that no identity is reused."""

    calls: Counter[nn.Module] = field(default_factory=Counter)
    made_by: dict[int, nn.Conv2d] = field(default_factory=dict)
    read_by: dict[int, nn.BatchNorm2d] = field(default_factory=dict)
    uses: Counter[int] = field(default_factory=Counter)
    kept: list[Tensor] = field(default_factory=list)
    inside_norm: bool = False

    def conv_done(self, conv: nn.Module, _: Any, output: Tensor) -> None:
        """Forward hook of a convolution."""
        self.calls[conv] += 1
        self.kept.append(output)
        self.made_by[id(output)] = conv  # type: ignore[assignment]

    def norm_starts(self, norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Forward pre-hook of a batch norm; a second norm reading the same tensor counts as another use of it."""
        self.calls[norm] += 1
        self.inside_norm = True
        self.kept.append(inputs[0])
        if id(inputs[0]) in self.read_by:
            self.uses[id(inputs[0])] += 1
        self.read_by[id(inputs[0])] = norm  # type: ignore[assignment]

    def norm_done(self, *_: Any) -> None:
        """Forward hook of a batch norm."""
        self.inside_norm = False


class _CountUses(TorchFunctionMode):
    """Counts how often each tensor goes into a torch function that gives tensors, outside of batch norms."""

    def __init__(self, trace: _Trace) -> None:
        super().__init__()
        self.trace = trace

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if not self.trace.inside_norm and any(True for _ in _tensors(result)):
            for tensor in _tensors((args, kwargs)):
                self.trace.uses[id(tensor)] += 1
                self.trace.kept.append(tensor)
        return result


def folded(module: nn.Module, example: Tensor) -> nn.Module:
    """A copy with each BatchNorm2d folded into the Conv2d that alone feeds it, and an Identity in its place.

    Weights are computed in float64 and stored in the module's type. example: (batch, C, H, W). Where the logits move by
    more than TOLERANCE of their largest, the copy comes back unfolded.
    """
    result = copy.deepcopy(module)
    for conv, norm in foldable(result, example):
        _fold(conv, norm)
        _replace(result, norm, nn.Identity())
    with torch.no_grad():
        before, after = module(example), result(example)
    if (after - before).abs().max() <= TOLERANCE * before.abs().max():
        return result
    return copy.deepcopy(module)


def foldable(module: nn.Module, example: Tensor) -> tuple[tuple[nn.Conv2d, nn.BatchNorm2d], ...]:
    """Pairs where both run once, the convolution's output goes into the batch norm and nowhere else, and no weight is shared."""
    trace = _traced(module, example)
    owners = Counter(id(p) for m in module.modules() for p in m.parameters(recurse=False))
    pairs = []
    for key, norm in trace.read_by.items():
        conv = trace.made_by.get(key)
        if conv is None or trace.uses[key] or trace.calls[conv] != 1 or trace.calls[norm] != 1:
            continue
        alone = owners[id(conv.weight)] == 1 and not parametrize.is_parametrized(conv)
        if alone and isinstance(conv.weight, nn.Parameter) and norm.running_mean is not None:
            pairs.append((conv, norm))
    return tuple(pairs)


def _traced(module: nn.Module, example: Tensor) -> _Trace:
    trace = _Trace()
    handles = []
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            handles.append(part.register_forward_hook(trace.conv_done))
        if isinstance(part, nn.BatchNorm2d):
            handles += [part.register_forward_pre_hook(trace.norm_starts), part.register_forward_hook(trace.norm_done)]
    try:
        with torch.no_grad(), _CountUses(trace):
            module(example)
    finally:
        for handle in handles:
            handle.remove()
    return trace


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    mean, variance = norm.running_mean.double(), norm.running_var.double()  # type: ignore[union-attr]
    gamma = norm.weight.detach().double() if norm.affine else torch.ones_like(mean)
    beta = norm.bias.detach().double() if norm.affine else torch.zeros_like(mean)
    bias = conv.bias.detach().double() if conv.bias is not None else torch.zeros_like(mean)
    scale = gamma / torch.sqrt(variance + norm.eps)  # (out channels,)
    weight = conv.weight.detach().double() * scale[:, None, None, None]  # (out, in / groups, kernel h, kernel w)
    like = conv.weight
    conv.weight = nn.Parameter(weight.to(like.dtype), requires_grad=like.requires_grad)
    conv.bias = nn.Parameter(((bias - mean) * scale + beta).to(like.dtype), requires_grad=like.requires_grad)


def _replace(root: nn.Module, old: nn.Module, new: nn.Module) -> None:
    for parent in root.modules():
        for name, child in list(parent.named_children()):
            if child is old:
                setattr(parent, name, new)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)
