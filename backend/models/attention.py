"""What the attention heads of a language model do in a pass: weights and values, kept by a context manager that ends with it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from backend.models.catalog import ModelError
from backend.models.loaded import LanguageModel

RECORDED = "vitrine_recorded"
Visit = Callable[[str, Tensor, Tensor], None]


@contextmanager
def recording_attention(model: LanguageModel, visit: Visit) -> Iterator[None]:
    """While open, passes compute attention by the model family's own plain formula, and each layer is shown to `visit`.

    visit: (layer "attention.3", weights (rows, heads, tokens, tokens), values (rows, heads, tokens, size)), the weights from
    the token that reads to those it reads, rows summing to 1; value heads that several heads share are repeated for each.
    Raises ModelError where the family does not let its attention be exchanged.
    """
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    layers = _attention_layers(model)
    config: Any = model.module.config

    def attend(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **more: Any) -> Any:
        output, weights = _plain_attention(module, query, key, value, mask, **more)
        visit(layers[id(module)], weights, value.repeat_interleave(weights.shape[1] // value.shape[1], dim=1))
        return output, weights

    AttentionInterface.register(RECORDED, attend)
    AttentionMaskInterface.register(RECORDED, eager_mask)
    before = config._attn_implementation
    config._attn_implementation = RECORDED
    try:
        yield
    finally:
        config._attn_implementation = before
        AttentionInterface.register(RECORDED, _plain_attention)  # what was registered holds on to the visitor


def output_weights(model: LanguageModel, layer: str) -> Tensor:
    """The output projection of a layer's heads, a view (heads, size, width): what a head adds is its output times this."""
    point = model.units[layer]
    part: Any = model.module.get_submodule(point.module)
    weight = part.weight.T if isinstance(part, nn.Linear) else part.weight  # (heads · size, width)
    return weight.unflatten(0, (point.count, point.size))


def _plain_attention(module: nn.Module, *given: Any, **more: Any) -> Any:
    """Attention by the function that the module's family uses without a faster kernel: (output, weights)."""
    family: Any = sys.modules[type(module).__module__]
    return family.eager_attention_forward(module, *given, **more)


def _attention_layers(model: LanguageModel) -> dict[int, str]:
    """Unit layers of heads by the id of the module that attends: the one that holds the output projection."""
    found: dict[int, str] = {}
    for name, point in model.units.items():
        if point.kind == "head":
            module = model.module.get_submodule(point.module.rpartition(".")[0])
            if not hasattr(sys.modules[type(module).__module__], "eager_attention_forward"):
                raise ModelError(f"{model.card.name}: attention of {type(module).__name__} cannot be recorded")
            found[id(module)] = name
    return found
