"""One registry for methods, checks and sweeps; a duplicate name is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from backend.methods.question import Image, Prompt
from backend.methods.steps import PassCount, Step
from backend.models.card import Capability, Card, ModelCard

Page = Literal["saliency", "neurons", "circuits", "steering", "shared"]
Lane = Literal["interactive", "background"]
Cost = Callable[[Any, Any], PassCount]
ASKED_OF = {"Image": "an image", "Prompt": "a prompt", "Corpus": "a corpus", "Weights": "a model's weights", "Runs": "a run"}


@dataclass(frozen=True)
class Teaching:
    """Three sentences beside a method: what it asks of the model, what it cannot tell, where it comes from."""

    asks: str
    cannot: str
    paper: str

    @property
    def text(self) -> str:
        """The three sentences as one help text."""
        return f"{self.asks} {self.cannot} {self.paper}"


@dataclass(frozen=True)
class Method:
    """A registered method or check, with all that pages need to offer it. `run(question, asking)` yields steps.

    inputs: the kind of input it is asked of, or a union of kinds.
    reads: the sweep the method is a view of, its name and parameters, from the method's; None where it drives the model itself.
    remembered: whether a finished result is the answer from then on. Not where the work lies elsewhere on disk and may be gone.
    """

    name: str
    title: str
    page: Page
    params: type
    inputs: Any
    targets: tuple[type, ...]
    needs: frozenset[Capability]
    returns: type
    lane: Lane
    teaching: Teaching
    cost: Cost
    run: Callable[..., Iterator[Step]]
    reads: Callable[[Any], tuple[str, Any]] | None = None
    is_check: bool = False
    remembered: bool = True

    @property
    def asked_of(self) -> str:
        """What the method takes, in words."""
        kinds = get_args(self.inputs) or (self.inputs,)
        return " or ".join(ASKED_OF[kind.__name__] for kind in kinds)

    def misfit(self, model: Card) -> str | None:
        """Why the method does not fit the model, or None where it does."""
        if self.inputs is (Prompt if isinstance(model, ModelCard) else Image):
            return f"{self.title} is asked of {self.asked_of}, which {model.name} does not read."
        missing = sorted(self.needs - model.capabilities)
        return f"{self.title} needs {' and '.join(missing)}, which {model.name} does not offer." if missing else None


@dataclass(frozen=True)
class SweepKind:
    """A registered series of model passes; `run(passes, params, target, seed)` yields snapshots."""

    name: str
    params: type
    by_target: bool
    run: Callable[..., Iterator[Any]]


@dataclass
class _Registry:
    methods: dict[str, Method] = field(default_factory=dict)
    sweeps: dict[str, SweepKind] = field(default_factory=dict)


_registry = _Registry()


def method(
    name: str,
    *,
    title: str,
    page: Page,
    params: type,
    inputs: Any,
    needs: frozenset[Capability],
    returns: type,
    teaching: Teaching,
    cost: Cost,
    targets: tuple[type, ...] = (),
    lane: Lane = "interactive",
    reads: Callable[[Any], tuple[str, Any]] | None = None,
    is_check: bool = False,
    remembered: bool = True,
) -> Callable[[Callable[..., Iterator[Step]]], Callable[..., Iterator[Step]]]:
    """Register the decorated generator function under `name`. Raises ValueError where the name is taken."""

    def register(run: Callable[..., Iterator[Step]]) -> Callable[..., Iterator[Step]]:
        if name in _registry.methods:
            raise ValueError(f"a method named {name!r} is registered already")
        _registry.methods[name] = Method(
            name, title, page, params, inputs, targets, needs, returns, lane, teaching, cost, run, reads, is_check, remembered
        )
        return run

    return register


def sweep(name: str, *, params: type, by_target: bool) -> Callable[[Callable[..., Iterator[Any]]], Callable[..., Iterator[Any]]]:
    """Register the decorated generator function as the sweep `name`. Raises ValueError where the name is taken."""

    def register(run: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        if name in _registry.sweeps:
            raise ValueError(f"a sweep named {name!r} is registered already")
        _registry.sweeps[name] = SweepKind(name, params, by_target, run)
        return run

    return register


def method_named(name: str) -> Method:
    """The method or check of that name. Raises ValueError naming the ones there are."""
    import backend.methods.catalog  # noqa: F401  (registers all methods)

    if name not in _registry.methods:
        raise ValueError(f"no method named {name[:60]!r}; there are {', '.join(sorted(_registry.methods))}")
    return _registry.methods[name]


def methods(page: Page | None = None) -> tuple[Method, ...]:
    """All methods of a page (checks excluded), by title."""
    import backend.methods.catalog  # noqa: F401  (registers all methods)

    found = [m for m in _registry.methods.values() if not m.is_check and page in (None, m.page)]
    return tuple(sorted(found, key=lambda m: m.title))


def checks() -> tuple[Method, ...]:
    """All checks, in order of registration."""
    import backend.methods.catalog  # noqa: F401  (registers all methods)

    return tuple(m for m in _registry.methods.values() if m.is_check)


def sweep_named(name: str) -> SweepKind:
    """The sweep of that name; loads the implementations, and so torch. Raises ValueError where there is none."""
    import backend.methods.implementations  # noqa: F401  (registers all sweeps)

    if name not in _registry.sweeps:
        raise ValueError(f"no sweep named {name[:60]!r}; there are {', '.join(sorted(_registry.sweeps))}")
    return _registry.sweeps[name]
