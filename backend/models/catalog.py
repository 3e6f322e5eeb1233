"""The models on offer: what they are and how to get them, without loading any; an operator may add their own."""

from __future__ import annotations

import os
import runpy
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from backend.data.frames import Preprocess

Factory = Callable[[], Any]
_LABELS = Path(__file__).parents[2] / "assets" / "imagenet_labels.txt"
DIGITS_FRAME = Preprocess(8, 8, 8, mean=(78.0,), std=(96.0,))


class ModelError(ValueError):
    """A model that cannot be found, loaded or asked; the message names the model and the way out."""


@dataclass(frozen=True)
class CatalogEntry:
    """A model on offer.

    load: gives the nn.Module in float32 on the CPU, batch norm unfolded; or "package.module:function" that does,
        imported when asked for, so that the catalog stays free of torch.
    layers: layer names → module paths, in forward order, where the family has names of its own; empty: found by a forward pass.
    parameters: how many weights, for the menu; None where only loading tells.
    """

    name: str
    summary: str
    preprocess: Preprocess
    labels: tuple[str, ...]
    load: Factory | str
    parameters: int | None = None
    layers: Mapping[str, str] = field(default_factory=dict)

    def build(self) -> Any:
        """A fresh nn.Module with its weights, float32, on the CPU. Raises whatever the factory raises."""
        if not isinstance(self.load, str):
            return self.load()
        module, function = self.load.split(":")
        return getattr(import_module(module), function)()


@dataclass(frozen=True)
class LanguageEntry:
    """A language model on offer.

    load: gives (causal decoder of transformers in float32 on the CPU, tokenizer), or "package.module:function" that does.
    blocks, parameters: for the menu; None where only loading tells.
    """

    name: str
    summary: str
    load: Callable[[], tuple[Any, Any]] | str
    parameters: int | None = None
    blocks: int | None = None

    def build(self) -> tuple[Any, Any]:
        """A fresh module with its weights, and its tokenizer. Raises whatever the loader raises."""
        if not isinstance(self.load, str):
            return self.load()
        module, function = self.load.split(":")
        return getattr(import_module(module), function)()


Entry = CatalogEntry | LanguageEntry


@dataclass
class _Operator:
    """Models added on this machine, and the operator's file they came from, so that it runs once."""

    models: dict[str, CatalogEntry] = field(default_factory=dict)
    languages: dict[str, LanguageEntry] = field(default_factory=dict)
    file: str = ""


_operator = _Operator()
_lock = threading.RLock()


def entries() -> tuple[CatalogEntry, ...]:
    """All image models on offer, the default first. Raises ModelError where the operator's file fails."""
    _run_operator_file()
    return (*_shipped(), *_operator.models.values())


def language_entries() -> tuple[LanguageEntry, ...]:
    """All language models on offer, the default first. Raises ModelError where the operator's file fails."""
    _run_operator_file()
    return (_smollm2(), *_operator.languages.values())


def entry(name: str) -> CatalogEntry:
    """The image model of that name. Raises ModelError naming the ones there are."""
    return _named(name, entries())


def language_entry(name: str) -> LanguageEntry:
    """The language model of that name. Raises ModelError naming the ones there are."""
    return _named(name, language_entries())


def any_entry(name: str) -> Entry:
    """The model of that name, of either kind. Raises ModelError naming the ones there are."""
    both: tuple[Entry, ...] = (*entries(), *language_entries())
    return _named(name, both)


def reads_text(name: str) -> bool:
    """Whether the model of that name is a language model."""
    return name in {candidate.name for candidate in language_entries()}


E = TypeVar("E", bound=Entry)


def _named(name: str, candidates: tuple[E, ...]) -> E:
    for candidate in candidates:
        if candidate.name == name:
            return candidate
    raise ModelError(f"no model named {str(name)[:60]!r}; there are {', '.join(e.name for e in candidates)}")


def add_model(name: str, factory: Factory, preprocess: Preprocess, labels: tuple[str, ...], summary: str = "") -> None:
    """Offer an operator's own model. The factory gives an nn.Module taking (batch, C, H, W), giving logits (batch, classes).

    Called from a notebook, or from the Python file that `VITRINE_OPERATOR` names; that file runs once, before the
    first look at the catalog, with the rights of the app. Import torch inside the factory: the file itself runs where
    torch must stay unimported. Raises ModelError where the name is empty or taken, or where labels are not unique.
    """
    with _lock:
        _check_free(name)
        if not labels or len(set(labels)) != len(labels):
            raise ModelError(f"{name}: the {len(labels)} labels must be at least one and all different")
        _operator.models[name] = CatalogEntry(name, summary or "Added by the operator.", preprocess, tuple(labels), factory)


def add_language_model(name: str, load: Callable[[], tuple[Any, Any]], summary: str = "") -> None:
    """Offer an operator's own language model; `load` gives a causal decoder of transformers and a `tokenizers.Tokenizer`.

    Called like `add_model`. Raises ModelError where the name is empty or taken.
    """
    with _lock:
        _check_free(name)
        _operator.languages[name] = LanguageEntry(name, summary or "Added by the operator.", load)


def _check_free(name: str) -> None:
    shipped = {e.name for e in _shipped()} | {_smollm2().name}
    taken = shipped | set(_operator.models) | set(_operator.languages)
    if not name or name in taken:
        raise ModelError(f"a model cannot be named {name[:60]!r}: the name is {'taken' if name else 'empty'}")


def _run_operator_file() -> None:
    file = os.environ.get("VITRINE_OPERATOR", "")
    with _lock:
        if not file or file == _operator.file:
            return
        before = dict(_operator.models), dict(_operator.languages)
        try:
            runpy.run_path(file, run_name="vitrine_operator")
        except Exception as error:
            _operator.models, _operator.languages = before
            raise ModelError(f"VITRINE_OPERATOR={file} failed: {type(error).__name__}: {error}") from error
        _operator.file = file


@cache
def imagenet_labels() -> tuple[str, ...]:
    """The 1000 ImageNet class names in order of class number, each unique."""
    return tuple(_LABELS.read_text(encoding="utf-8").splitlines())


@cache
def _shipped() -> tuple[CatalogEntry, ...]:
    return (_efficientnet_lite0(), _digits_cnn(), _digits_vit())


def _smollm2() -> LanguageEntry:
    return LanguageEntry(
        name="smollm2-135m-instruct",
        summary="SmolLM2-135M-Instruct, a Llama-shaped decoder; weights de-quantised from Q4_1, exactly.",
        load="backend.models.smollm2:smollm2",
        parameters=134_515_008,
        blocks=30,
    )


def _efficientnet_lite0() -> CatalogEntry:
    blocks = {f"blocks.{i}": f"_blocks.{i}" for i in range(16)}
    return CatalogEntry(
        name="efficientnet-lite0",
        summary="ImageNet classifier, 1000 classes, convolutions with ReLU6 and no attention.",
        preprocess=Preprocess(224, 224, 256, mean=(127.0,) * 3, std=(128.0,) * 3),
        labels=imagenet_labels(),
        load="backend.models.efficientnet:lite0",
        parameters=4_652_008,
        layers={"stem": "_bn0", **blocks, "head": "_bn1"},
    )


def _digits_cnn() -> CatalogEntry:
    return CatalogEntry(
        name="digits-cnn",
        summary="Handwritten digits, 8 × 8 pixels, three convolutions; trained by this project.",
        preprocess=DIGITS_FRAME,
        labels=tuple("0123456789"),
        load="backend.models.digits:cnn",
        parameters=19_258,
        layers={name: name for name in ("stage1", "stage2", "stage3")},
    )


def _digits_vit() -> CatalogEntry:
    return CatalogEntry(
        name="digits-vit",
        summary="Handwritten digits, 8 × 8 pixels, a vision transformer with four blocks; trained by this project.",
        preprocess=DIGITS_FRAME,
        labels=tuple("0123456789"),
        load="backend.models.digits:vit",
        parameters=77_530,
        layers={f"blocks.{i}": f"blocks.{i}.attention_norm" for i in range(4)},
    )
