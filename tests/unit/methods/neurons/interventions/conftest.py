"""Ways to ask methods that act on units, of image models by the engine's workshop and of small language models by a bench."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import backend
from backend.data.frames import Preprocess
from backend.engine.asking import TokenAsking, asking_for
from backend.engine.stepping import Engine
from backend.methods.question import ModelRef, Prompt, Question, TokenLogit
from backend.methods.registry import method_named
from backend.methods.steps import Result, Step
from backend.models import catalog
from backend.models.loaded import LanguageModel
from tests.unit.methods.neurons.sentence.models import Bench

Steps = Callable[..., list[Step]]
Told = Callable[..., Any]
CHANNELS = 6
SHARES = (0.0, 3.0, -2.0, 0.5, 0.0, 1.0)
"""Of the planted image models, what each channel adds to class 1 where every pixel is white."""


class Channels(nn.Module):
    """Channels that each copy the picture's brightness, then a function of their means: class 0 is always 0."""

    def __init__(self, ends_in: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.copies = nn.Conv2d(1, CHANNELS, 1, bias=False)
        self.ends_in = ends_in
        with torch.no_grad():
            self.copies.weight.fill_(1.0)

    def forward(self, pixels: Tensor) -> Tensor:
        """(batch, 1, H, W) → (batch, 2)."""
        means = self.copies(pixels).mean(dim=(2, 3))  # (batch, CHANNELS)
        score = self.ends_in(means)
        return torch.stack([torch.zeros_like(score), score], dim=1)


def additive(means: Tensor) -> Tensor:
    """Σ share · mean: every channel by itself."""
    return means @ torch.tensor(SHARES, dtype=means.dtype, device=means.device)


def parity(means: Tensor) -> Tensor:
    """Whether an even number of channels is on: no channel adds anything by itself."""
    return torch.prod(2 * (means > 0.1).to(means.dtype) - 1, dim=1)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer "test-additive" and "test-parity" for this test."""
    monkeypatch.setattr(catalog, "_operator", catalog._Operator())
    size = Preprocess(8, 8, 8, mean=(0.0,), std=(255.0,))
    backend.add_model("test-additive", lambda: Channels(additive), size, ("never", "sum"))
    backend.add_model("test-parity", lambda: Channels(parity), size, ("never", "parity"))


@pytest.fixture
def steps(engine: Engine) -> Steps:
    """All steps of a method; values as `backend.ask` has them."""

    def ask(name: str, **values: Any) -> list[Step]:
        question = backend.ask(name, **values)
        return list(method_named(name).run(question, asking_for(question, engine.workshop)))

    return ask


@pytest.fixture
def told(steps: Steps) -> Told:
    """The finished result of a method; values as `backend.ask` has them."""

    def ask(name: str, **values: Any) -> Any:
        last = steps(name, **values)[-1]
        assert isinstance(last, Result)
        return last.value

    return ask


def of_text(
    name: str, model: LanguageModel, text: str, target: TokenLogit | None = None, *, seed: int = 0, edits: Any = (), **params: Any
) -> list[Step]:
    """All steps of a method asked of a language model."""
    chosen = method_named(name)
    asked = Question(name, ModelRef("test"), Prompt(text), chosen.params(**params), target, edits=edits, seed=seed)
    return list(chosen.run(asked, TokenAsking(asked, Bench(model))))


def result(found: list[Step]) -> Any:
    """The finished result, the last of the steps."""
    assert isinstance(found[-1], Result)
    return found[-1].value


def state(module: nn.Module) -> str:
    """The SHA-256 of all weights."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def traces(module: nn.Module) -> int:
    """Hooks of any kind on any module, and modules whose forward pass is replaced."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    hooks = sum(len(getattr(part, kind)) for part in module.modules() for kind in kinds)
    return hooks + sum("forward" in part.__dict__ for part in module.modules())
