"""SmolLM2-135M-Instruct from the folder that set-up made of its GGUF."""

from __future__ import annotations

from typing import Any

from backend import places
from backend.models.catalog import ModelError


def smollm2() -> tuple[Any, Any]:
    """The decoder (Allal et al. 2025) in float32 and its tokenizer. Raises ModelError where set-up is missing."""
    from backend.models.language import from_folder

    folder = places.models() / "smollm2-135m-instruct"
    if not folder.is_dir():
        raise ModelError(f"the weights of smollm2-135m-instruct are missing ({folder}); `make run` brings them")
    return from_folder(folder)
