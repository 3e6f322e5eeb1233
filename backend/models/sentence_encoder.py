"""Sentences as vectors whose cosine tells how alike they mean: MiniLM-L6, on this machine, without network or key."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from backend import places
from backend.models.catalog import ModelError

NAME = "minilm-l6"
WIDTH = 384
MOST_TOKENS = 256  # what the encoder was trained for; longer texts are cut
BATCH = 32


class SentenceEncoder:
    """A BERT encoder, its mean over tokens scaled to length 1 (Reimers and Gurevych 2019)."""

    def __init__(self, module: Any, tokenizer: Tokenizer) -> None:
        self.module = module
        self.tokenizer = tokenizer
        tokenizer.enable_truncation(MOST_TOKENS)
        tokenizer.no_padding()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32 (texts, 384); the dot product of two is their cosine. A text gives the same row alone."""
        found = np.zeros((len(texts), WIDTH), dtype=np.float32)
        encodings = self.tokenizer.encode_batch(list(texts))
        order = sorted(range(len(texts)), key=lambda index: len(encodings[index].ids))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            found[rows] = self._pass([encodings[row].ids for row in rows]).numpy()
        return found

    def _pass(self, ids: Sequence[Sequence[int]]) -> Tensor:
        length = max(map(len, ids))
        tokens = torch.zeros(len(ids), length, dtype=torch.long)  # (texts, tokens); BERT pads with 0
        mask = torch.zeros(len(ids), length)  # (texts, tokens)
        for row, own in enumerate(ids):
            tokens[row, : len(own)] = torch.tensor(own)
            mask[row, : len(own)] = 1
        with torch.inference_mode():
            hidden = self.module(input_ids=tokens, attention_mask=mask).last_hidden_state  # (texts, tokens, width)
            mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            return torch.nn.functional.normalize(mean, dim=1)


@lru_cache(maxsize=1)
def sentence_encoder() -> SentenceEncoder:
    """The encoder of this machine, loaded once, on the CPU. Raises ModelError where set-up has not brought it."""
    return load_encoder(places.models() / NAME)


def load_encoder(folder: Path) -> SentenceEncoder:
    """The encoder in a folder of safetensors and tokenizer. Raises ModelError naming what is missing or does not fit."""
    missing = [name for name in ("model.safetensors", "tokenizer.json") if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"{NAME}: {' and '.join(missing)} missing in {folder}; `make run` brings the sentence encoder")
    try:
        module = _module(folder / "model.safetensors")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:
        raise ModelError(f"{NAME} could not be loaded: {type(error).__name__}: {str(error)[:300]}") from error
    return SentenceEncoder(module, tokenizer)


def _module(weights: Path) -> Any:
    """The BERT of MiniLM-L6-H384 (Wang et al. 2020): its shape stands here, as the package's config is that of the pooling."""
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    shape = BertConfig(hidden_size=WIDTH, num_hidden_layers=6, num_attention_heads=12, intermediate_size=4 * WIDTH)
    module = BertModel(shape, add_pooling_layer=False)
    given = load_file(weights)
    known = {name: tensor for name, tensor in given.items() if name in module.state_dict()}
    module.load_state_dict(known)  # strict: a weight that is missing is an error, a pooler too many is not
    return module.eval().requires_grad_(False)
