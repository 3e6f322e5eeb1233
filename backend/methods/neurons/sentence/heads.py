"""One pass with every attention head in view: weights, the size of what they carry, and summaries of where heads look."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from backend.data.pieces import piece_texts
from backend.methods.neurons.attention_view import WEIGHT_BYTES
from backend.methods.params import ParameterError
from backend.models.attention import output_weights, recording_attention

if TYPE_CHECKING:
    from backend.engine.asking import TokenAsking
    from backend.models.loaded import LanguageModel

HALF = 2  # bytes of a float16


def heads_of(asking: TokenAsking, layer: str) -> dict[str, Any]:
    """The fields of `AttentionView` but the seconds. Raises ParameterError for a layer there is not, or too many weights."""
    model, tokens = asking.model, asking.tokens
    kept = _kept_layers(model, layer, tokens.shape[1])
    weights: dict[str, np.ndarray] = {}
    norms: dict[str, np.ndarray] = {}
    summed: list[dict[str, np.ndarray]] = []

    def visit(name: str, seen: Tensor, values: Tensor) -> None:
        summed.append(_summaries(seen[0]))
        if name in kept:
            weights[name] = seen[0].half().cpu().numpy()
            norms[name] = _written_lengths(values[0], output_weights(model, name))

    with recording_attention(model, visit):
        asking.forward(tokens, logits="none")
    return {
        "tokens": piece_texts(model.tokenizer, tokens[0].tolist()),
        "layers": _head_layers(model),
        "weights": weights,
        "norms": norms,
        "summaries": {name: np.stack([layer[name] for layer in summed]) for name in summed[0]},
        "passes": asking.spent,
    }


def _kept_layers(model: LanguageModel, layer: str, tokens: int) -> tuple[str, ...]:
    layers = _head_layers(model)
    if layer and layer not in layers:
        raise ParameterError(f"Layer: there is no {layer[:40]!r}; there are {layers[0]} to {layers[-1]}.")
    kept = (layer,) if layer else layers
    heads = sum(model.units[name].count for name in kept)
    if HALF * heads * tokens**2 > WEIGHT_BYTES:
        most = math.isqrt(WEIGHT_BYTES // (HALF * heads))
        way_out = "" if layer else " Name one layer, or shorten the prompt."
        raise ParameterError(f"Weights of {heads} heads are kept for at most {most} tokens; the prompt has {tokens}.{way_out}")
    return kept


def _head_layers(model: LanguageModel) -> tuple[str, ...]:
    return tuple(name for name, point in model.units.items() if point.kind == "head")


def _summaries(weights: Tensor) -> dict[str, np.ndarray]:
    """Means over the reading tokens but the first, which has no choice, float32 (heads,), of weights (heads, tokens, tokens).

    Of one token alone they are those of its only row.
    """
    tokens = weights.shape[-1]
    rows = weights[:, 1:].float() if tokens > 1 else weights.float()  # (heads, tokens − 1, tokens)
    entropy = torch.special.entr(rows).sum(-1)  # (heads, tokens − 1)
    largest = torch.arange(1, tokens + 1, device=rows.device)[-rows.shape[1] :].log().clamp_min(1e-9)
    found = {
        "entropy": entropy / largest,
        "first": rows[..., 0],
        "previous": weights.float().diagonal(-1, -2, -1) if tokens > 1 else torch.zeros_like(rows[..., 0]),
        "itself": weights.float().diagonal(0, -2, -1)[:, -rows.shape[1] :],
    }
    return {name: values.mean(-1).cpu().numpy() for name, values in found.items()}


def _written_lengths(values: Tensor, output: Tensor) -> np.ndarray:
    """‖value · output projection‖ of each head and token, float32 (heads, tokens) (Kobayashi et al. 2020).

    values: (heads, tokens, size). output: (heads, size, width).
    """
    return torch.linalg.vector_norm(values @ output.to(values), dim=-1).float().cpu().numpy()


def pattern_scores(asking: TokenAsking, length: int, texts: int, seed: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield texts read and the fields of `HeadPatterns` that are means over them."""
    model = asking.model
    totals: dict[str, np.ndarray] = {}
    for number in range(texts):
        scores = _text_scores(asking, length, np.random.default_rng([seed, number]))
        totals = {name: totals.get(name, np.float32(0)) + values for name, values in scores.items()}
        means = {name: (values / (number + 1)).astype(np.float32) for name, values in totals.items()}
        yield number + 1, {"layers": _head_layers(model), **means}


def _text_scores(asking: TokenAsking, length: int, draw: np.random.Generator) -> dict[str, np.ndarray]:
    """The scores, (layers, heads), on one text of random tokens read twice, and the control on one that goes on anew."""
    drawn = torch.from_numpy(draw.integers(0, asking.model.card.vocabulary, size=2 * length))
    repeated = torch.cat([drawn[:length], drawn[:length]])
    found: list[dict[str, np.ndarray]] = []
    control: list[np.ndarray] = []

    def visit(_: str, weights: Tensor, __: Tensor) -> None:
        second = weights[0, :, length:].float()  # (heads, length, 2 · length), the reading tokens of the second half
        means = {
            "induction": second.diagonal(1, -2, -1)[..., :length],
            "duplicate": second.diagonal(0, -2, -1),
            "previous": second.diagonal(length - 1, -2, -1),
            "first": second[..., 0],
        }
        found.append({name: values.mean(-1).cpu().numpy() for name, values in means.items()})

    def visit_control(_: str, weights: Tensor, __: Tensor) -> None:
        second = weights[0, :, length:].float()
        control.append(second.diagonal(1, -2, -1)[..., :length].mean(-1).cpu().numpy())

    for tokens, seen in ((repeated, visit), (drawn, visit_control)):
        with recording_attention(asking.model, seen):
            asking.forward(tokens[None], logits="none")
    return {**{name: np.stack([layer[name] for layer in found]) for name in found[0]}, "control": np.stack(control)}
