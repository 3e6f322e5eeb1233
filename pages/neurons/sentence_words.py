"""What was measured of a sentence, in written sentences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backend.evidence.finding import Finding, Measure
from backend.markdown import literal
from backend.methods.neurons.logit_lens import LogitLens


def lead(found: Mapping[str, Finding], label: str) -> str:
    """What the maps by title are good for, as Markdown; `label` is the explained token."""
    decided = {title: _passed(finding) for title, finding in found.items() if all(m.controls for m in finding.measures)}
    if not decided:
        return "**Still measuring.** Each map's order of tokens is being tried against random ones."
    token = f"“{literal(label.strip() or label, 40)}”"
    clauses = [_clause(title, passed, token) for title, passed in decided.items()]
    return f"**{_answer([len(passed) for passed in decided.values()])}** {' '.join(clauses)}"


def _passed(finding: Finding) -> frozenset[str]:
    return frozenset(measure.name for measure in finding.measures if measure.verdict == "beats the control")


def _answer(passed: list[int]) -> str:
    if min(passed) == 2:
        return "The order of tokens holds, by both tests."
    if max(passed) == 0:
        return "No map's order of tokens is better than random ones here."
    return "The order of tokens holds in part."


def _clause(title: str, passed: frozenset[str], token: str) -> str:
    if passed == {"insertion", "deletion"}:
        return f"*{title}*: its tokens alone bring {token} back sooner than any random order, and without them it goes sooner."
    if passed == {"insertion"}:
        return f"*{title}*: its tokens alone bring {token} back sooner than any random order; taken away, they are no better."
    if passed == {"deletion"}:
        return f"*{title}*: without its tokens {token} goes sooner than in any random order; alone, they are no better."
    return f"*{title}* beats them in neither test."


def why(measure: Measure) -> str:
    """A verdict beside its controls."""
    controls = "; ".join(
        f"{name} {min(values):.2f}" + (f" to {max(values):.2f}" if len(values) > 1 else "")
        for name, values in measure.controls.items()
    )
    value = f"Mean log probability {measure.value:.2f}, {measure.better} is better."
    return f"{measure.verdict.capitalize()}. {value} Controls: {controls}."


def lens_sentence(lens: LogitLens, position: int, answer: str) -> str:
    """When the model's first answer at a position stands in the lens for good, with the control, as Markdown."""
    others = np.flatnonzero(lens.rank[:, position] != 1)
    layers = len(lens.rank) - 1
    stands = int(others[-1]) + 1 if others.size else 0
    half = slice(layers - 5, layers) if layers > 5 else slice(0, layers)
    near, far = lens.divergence[half, position].mean(), lens.control[half, position].mean()
    shown = literal(answer.strip() or answer, 40)
    return (
        f"The model's own answer, “{shown}”, leads the lens **from layer {stands} of {layers} on**. Over the "
        f"{half.stop - half.start} layers before the last, the lens is {near:.1f} nats from that answer; from the answers "
        f"at other positions it is {far:.1f}."
    )


def heads_sentence(values: np.ndarray, measure: str, layers: tuple[str, ...]) -> str:
    """The head that does most of what is measured, (layers, heads), as Markdown."""
    layer, head = (int(place) for place in np.unravel_index(int(np.nanargmax(values)), values.shape))
    strong = int((values > 0.5).sum())
    block = layers[layer].rpartition(".")[2]
    count = f"{strong:,} of {values.size:,} heads exceed a half" if strong else f"no head of {values.size:,} exceeds a half"
    most = f"most at **layer {block}, head {head}** ({values[layer, head]:.2f})"
    return f"{measure}: {most}; {count}, and the mean is {values.mean():.2f}."
