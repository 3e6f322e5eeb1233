"""Weight randomisation: a map that explains the model must change when the model's weights are drawn anew."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from scipy.stats import rankdata

from backend.evidence.checked import checked_map, must_rank, run_of
from backend.evidence.finding import Finding, Measure, Verdict
from backend.evidence.orders import GRID, SMOOTHING, edge_strength, random_map, smoothed
from backend.methods.params import Range
from backend.methods.question import ClassLogit, Contrast, Question, RandomiseWeights, Runs
from backend.methods.registry import Teaching, method, method_named
from backend.methods.saliency.result import Saliency
from backend.methods.steps import Partial, PassCount, Progress, Result, Step
from backend.models.card import FORWARD, ModelCard

if TYPE_CHECKING:
    from backend.engine.asking import Asking

FEWER = {"masks": 300, "samples": 24, "steps": 32}  # caps for the randomised models, by name of the parameter
PAIRS = 8  # of independent random maps
SMALL, LARGE = 0.3, 0.7  # Spearman's ρ


@dataclass(frozen=True)
class WeightRandomisation:
    """In how many stages the weights are drawn anew."""

    stages: Annotated[int, Range(1, 8), "Equal parts of the model, drawn anew one after another from the head down."] = 3


def cheaper(run: Question) -> Question:
    """The run with fewer masks, samples or points, where it has more than a comparison needs."""
    names = {field.name for field in fields(run.params)}
    capped = {name: min(getattr(run.params, name), most) for name, most in FEWER.items() if name in names}
    return run.asking(params=replace(run.params, **capped))


def passes_needed(run: Question, params: WeightRandomisation, card: ModelCard) -> PassCount:
    """What the check of that run costs at most: the cheaper run, once a stage."""
    once = method_named(run.method).cost(cheaper(run).params, card)
    return PassCount(once.forward * params.stages, once.backward * params.stages)


@method(
    "weight_randomisation",
    title="Weight randomisation",
    page="shared",
    params=WeightRandomisation,
    inputs=Runs,
    targets=(ClassLogit, Contrast),
    needs=frozenset({FORWARD}),
    returns=Finding,
    teaching=Teaching(
        "Draws the model's weights anew from the head down and asks for the same map again: a map that explains this model must "
        "change.",
        "It cannot tell a right map from a wrong one that also changes, and a noisy map passes with ease.",
        "Adebayo et al. 2018, Sanity Checks for Saliency Maps.",
    ),
    # At least one pass a stage; `passes_needed` knows the run, which a forecast from parameters alone cannot.
    cost=lambda params, card: PassCount(params.stages),
    is_check=True,
)
def weight_randomisation(question: Question, asking: Asking) -> Iterator[Step]:
    """Yield the correlations with the original map stage by stage. Raises ParameterError where the map is blank."""
    params: WeightRandomisation = question.params
    original = yield from checked_map(question, asking)
    must_rank(original)
    run = cheaper(run_of(question))
    if run != run_of(question):
        original = yield from asking.answer(run)
        must_rank(original)
    maps = [original]
    for stage in range(params.stages):
        edit = RandomiseWeights(stage + 1, params.stages, question.seed)
        # Another seed: with the same masks or noise, their chance pattern alone would make two maps agree.
        changed = run.asking(edits=(*run.edits, edit), seed=run.seed + 1)
        maps.append((yield from _scaled(asking.answer(changed), stage, params.stages)))
        finding = _finding(asking, maps)
        yield Partial(finding, 100 * (stage + 1), 100 * params.stages)
    yield Result(finding)


def _scaled(answer: Generator[Progress, None, Any], stage: int, stages: int) -> Generator[Progress, None, Saliency]:
    """The answer, its progress told as a part of all stages."""
    while True:
        try:
            step = next(answer)
        except StopIteration as end:
            return end.value
        yield Progress(round(100 * (stage + step.done / max(1, step.total))), 100 * stages)


def _finding(asking: Asking, maps: list[Saliency]) -> Finding:
    """What is known after the stages so far; `maps` begins with the original's."""
    params: WeightRandomisation = asking.question.params
    size = asking.frame.shape[:2]
    signed = [smoothed(saliency.cells, *size) for saliency in maps]
    curves: dict[str, np.ndarray] = {
        "correlation": np.array([correlation(np.abs(signed[0]), np.abs(other)) for other in signed], np.float32),
        "signed correlation": np.array([correlation(signed[0], other) for other in signed], np.float32),
        "share": np.arange(len(maps), dtype=np.float32) / params.stages,
    }
    measures: tuple[Measure, ...] = ()
    if len(maps) > params.stages:
        chance = chance_correlations(asking.question.seed, *size)
        edges = smoothed(edge_strength(asking.frame), *size)
        ignores = correlation(edges, edges)
        measures = tuple(
            _measure(name, float(curves[curve][-1]), chance[curve], ignores)
            for name, curve in (("weights drawn anew", "correlation"), ("weights drawn anew, signed", "signed correlation"))
        )
    return Finding(
        name="weight_randomisation",
        measures=measures,
        protocol=_protocol(asking),
        passes=sum((saliency.passes for saliency in maps[1:]), PassCount()),
        seconds=sum(saliency.seconds for saliency in maps[1:]),
        curves=curves,
    )


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two maps of equal shape; 0 where one is the same everywhere or not finite."""
    if not (np.isfinite(first).all() and np.isfinite(second).all()) or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def chance_correlations(seed: int, height: int, width: int) -> dict[str, tuple[float, ...]]:
    """Correlations of PAIRS of independent smooth random maps, of their size and with their sign."""
    pairs = [[random_map(seed, 2 * pair + member, height, width) for member in (0, 1)] for pair in range(PAIRS)]
    return {
        "correlation": tuple(correlation(np.abs(one), np.abs(other)) for one, other in pairs),
        "signed correlation": tuple(correlation(one, other) for one, other in pairs),
    }


def _measure(name: str, value: float, chance: tuple[float, ...], ignores: float) -> Measure:
    controls = {"smooth random": chance, "edge detector": (ignores,)}
    return Measure(name, value, controls, "less", "Spearman's ρ", verdict(value, chance))


def verdict(value: float, chance: tuple[float, ...]) -> Verdict:
    """By the size of ρ: as small as chance gives, or below SMALL, passes; LARGE and more fails."""
    if abs(value) <= max(SMALL, *map(abs, chance)):
        return "beats the control"
    return "fails the control" if abs(value) >= LARGE else "within the control"


def _protocol(asking: Asking) -> str:
    params: WeightRandomisation = asking.question.params
    run = run_of(asking.question)
    capped = [f"{name} {value}" for name, value in vars(cheaper(run).params).items() if vars(run.params)[name] != value]
    fewer = f" For speed all maps compared, the original too, were made with {', '.join(capped)}." if capped else ""
    return (
        f"The weights drawn anew in {params.stages} cascading stages from the head down, each tensor from a normal with its own "
        "mean and deviation, the same target asked each time, with other masks and noise where a method draws any. Spearman's "
        "rank correlation with the original map over all pixels, of the maps' size (first measure) and with sign (second), after "
        f"smoothing ({SMOOTHING}); a blank map counts as 0. The value is that of all weights drawn anew.{fewer} "
        f"Controls: {PAIRS} pairs of independent smooth random maps ({GRID} × {GRID} normal draws), and an edge detector, which "
        f"ignores the model and stays at 1. A map passes where the size of ρ is within the random pairs or at most {SMALL}, and "
        f"fails from {LARGE}. Seed {asking.question.seed}."
    )
