"""Resuming a pass: what a model works out of one sample before the first changed layer is worked out once and reused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from backend.models.hooks import UnitPoint

Outputs = dict[str, Any]


@dataclass(frozen=True)
class Prefix:
    """Outputs, for one row, of the modules that are done before the first of some layers is reached, outermost modules only.

    outputs: by module path, a tensor or a tuple of tensors and None, rows first; as the module gave them, before any hook.
    last: the path of the module that was done last, whose output the rest of the pass reads.
    """

    outputs: Mapping[str, Any]
    last: str


@dataclass
class _Run:
    outputs: Outputs = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    reached: bool = False


def record_prefix(module: nn.Module, points: Sequence[UnitPoint], run: Callable[[], object]) -> Prefix:
    """The prefix of a pass over one row, which `run` makes, up to the first of the points that it reaches.

    Modules that run more than once in a pass are left out, and so worked out anew.
    """
    found = _Run()
    handles = []
    try:
        for path, part in module.named_modules():
            ends = any(point.module == path and point.side == "output" for point in points)
            starts = any(point.module == path and point.side == "input" for point in points)
            handles.append(part.register_forward_pre_hook(_starting(path, found, starts), prepend=True))
            handles.append(part.register_forward_hook(_ending(path, found, ends), prepend=True))
        run()
    finally:
        for handle in handles:
            handle.remove()
    once = {path: output for path, output in found.outputs.items() if found.calls[path] == 1 and path}
    outermost = {path: output for path, output in once.items() if not any(_inside(path, other) for other in once)}
    return Prefix(outermost, next(reversed(outermost), ""))


@contextmanager
def resumed(module: nn.Module, prefix: Prefix | None, rows: int) -> Iterator[None]:
    """While open, the prefix's modules give what they gave before, `rows` times, instead of running; their hooks still fire."""
    if prefix is None:
        yield
        return
    kept: list[tuple[nn.Module, Any]] = []
    try:
        for path, output in prefix.outputs.items():
            part = module.get_submodule(path)
            kept.append((part, part.__dict__.get("forward")))
            part.__dict__["forward"] = _giving(_repeated(output, rows, copied=path == prefix.last))
        yield
    finally:
        for part, before in kept:
            if before is None:
                del part.__dict__["forward"]
            else:
                part.__dict__["forward"] = before


def _starting(path: str, found: _Run, limit: bool) -> Callable[..., None]:
    def hook(_: nn.Module, __: Any) -> None:
        found.calls[path] += 1
        found.reached = found.reached or limit

    return hook


def _ending(path: str, found: _Run, limit: bool) -> Callable[..., None]:
    def hook(_: nn.Module, __: Any, output: Any) -> None:
        if not found.reached and _is_one_row(output):
            found.outputs[path] = output
        found.reached = found.reached or limit

    return hook


def _is_one_row(output: Any) -> bool:
    parts = output if type(output) is tuple else (output,)
    return all(part is None or (isinstance(part, Tensor) and part.dim() > 0 and len(part) == 1) for part in parts)


def _inside(path: str, other: str) -> bool:
    return path.startswith(f"{other}.")


def _repeated(output: Any, rows: int, *, copied: bool) -> Any:
    """One row's output for `rows` rows: views where nothing reads them, a copy in the tensor's own layout where it is read on."""
    if isinstance(output, tuple):
        return tuple(_repeated(part, rows, copied=copied) for part in output)
    if output is None:
        return None
    view = output.expand(rows, *output.shape[1:])
    return view.contiguous(memory_format=_layout(output)) if copied else view


def _layout(tensor: Tensor) -> torch.memory_format:
    channels_last = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if channels_last else torch.contiguous_format


def _giving(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value
