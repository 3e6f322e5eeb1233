"""Loads a language model and finds its blocks, neurons and heads, by shape where names differ between families."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from backend.methods.question import ModelRef
from backend.models.card import FORWARD, GATED_NEURONS, GRADIENTS, UNITS, VOCABULARY, Capability, LanguageCard
from backend.models.catalog import ModelError, language_entry
from backend.models.hooks import UnitPoint, unit_layers
from backend.models.loaded import LanguageModel, Neurons


def load_language(ref: ModelRef, device: torch.device) -> LanguageModel:
    """The decoder on `device` in `ref.dtype`, ready to be asked. Raises ModelError."""
    offered = language_entry(ref.name)
    module, tokenizer = offered.build()
    module = module.eval().requires_grad_(False)
    revision = _revision(module)
    if ref.revision and ref.revision != revision:
        raise ModelError(f"{ref.name}: revision {ref.revision[:20]} is not on this machine, {revision} is")
    return language_model(ref.name, module.to(device=device, dtype=getattr(torch, ref.dtype)), tokenizer, revision)


def from_folder(folder: Path) -> tuple[nn.Module, Tokenizer]:
    """A Hugging Face decoder and its tokenizer from a local folder: safetensors only, no code of the folder's is run.

    Raises ModelError naming what is missing.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    missing = [name for name in ("config.json", "tokenizer.json") if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"{folder.name}: {' and '.join(missing)} missing in {folder}; `make run` brings the default models")
    try:
        module = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        )
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:
        raise ModelError(f"{folder.name} could not be loaded: {type(error).__name__}: {str(error)[:300]}") from error
    return module, tokenizer


def language_model(name: str, module: nn.Module, tokenizer: Tokenizer, revision: str) -> LanguageModel:
    """Wrap a causal decoder of transformers. Raises ModelError where its blocks or neurons cannot be told."""
    config: Any = module.config
    base: Any = module.get_decoder() if hasattr(module, "get_decoder") else module.base_model  # type: ignore[operator]
    blocks_path, blocks = _blocks(name, module, int(config.num_hidden_layers))
    units, neurons = _units(name, blocks_path, blocks, config)
    embedding, head = module.get_input_embeddings(), module.get_output_embeddings()  # type: ignore[operator]
    gated = all(neuron.gate is not None for neuron in neurons.values())
    able: set[Capability] = {FORWARD, GRADIENTS, UNITS, VOCABULARY} | ({GATED_NEURONS} if gated else set())
    weight: Tensor = head.weight
    final_norm = _final_norm(name, base, blocks, weight.shape[1])
    return LanguageModel(
        card=LanguageCard(
            name=name,
            revision=revision,
            parameters=sum(parameter.numel() for parameter in module.parameters()),
            vocabulary=weight.shape[0],
            blocks=len(blocks),
            width=weight.shape[1],
            context=int(getattr(config, "max_position_embeddings", 0) or 1024),
            capabilities=frozenset(able),
            device=str(weight.device),
            units=unit_layers(units),
        ),
        module=module,
        tokenizer=tokenizer,
        body=partial(_body, base, blocks),
        head=head,
        embed=embedding,
        units=units,
        neurons=neurons,
        final_gain=_gain(final_norm),
        final_norm=final_norm,
        unembedding=weight,
        device=weight.device,
        dtype=weight.dtype,
    )


def _body(
    base: nn.Module, blocks: nn.ModuleList, rows: Tensor, keep: Tensor | None, residual: bool
) -> tuple[Tensor, Tensor | None]:
    given = {"input_ids": rows} if rows.dim() == 2 else {"inputs_embeds": rows}
    mask = None if keep is None else keep.long()
    with _streams(blocks) if residual else _nothing() as streams:
        hidden = base(**given, attention_mask=mask, use_cache=False).last_hidden_state
    return hidden, torch.stack(streams, dim=1) if residual else None


@contextmanager
def _streams(blocks: nn.ModuleList) -> Iterator[list[Tensor]]:
    """The residual stream before each block and after the last, kept by hooks: hidden states of transformers end in a norm."""
    found: list[Tensor] = []
    handles: list[Any] = [
        block.register_forward_pre_hook(
            lambda _, inputs, named: found.append(inputs[0] if inputs else named["hidden_states"]), with_kwargs=True
        )
        for block in blocks
    ]
    handles.append(
        blocks[-1].register_forward_hook(lambda _, __, output: found.append(output[0] if isinstance(output, tuple) else output))
    )
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _nothing() -> Iterator[list[Tensor]]:
    yield []


def _blocks(name: str, module: nn.Module, depth: int) -> tuple[str, nn.ModuleList]:
    for path, part in module.named_modules():
        if isinstance(part, nn.ModuleList) and len(part) == depth:
            return path, part
    raise ModelError(f"{name}: no list of {depth} blocks was found in {type(module).__name__}")


def _units(name: str, path: str, blocks: nn.ModuleList, config: Any) -> tuple[dict[str, UnitPoint], dict[str, Neurons]]:
    width, heads = int(config.hidden_size), int(config.num_attention_heads)
    head_size = int(getattr(config, "head_dim", None) or width // heads)
    units: dict[str, UnitPoint] = {}
    neurons: dict[str, Neurons] = {}
    for number, block in enumerate(blocks):
        linear = {at: _weight(part) for at, part in block.named_modules() if _weight(part) is not None}
        attention = [at for at, weight in linear.items() if weight.shape == (width, heads * head_size) and _in_attention(at)]
        mlp = [at for at, weight in linear.items() if weight.shape[0] == width and not _in_attention(at)]
        if len(mlp) != 1 or not attention:
            raise ModelError(
                f"{name}: block {number} has {len(mlp)} output projections of an MLP and {len(attention)} of attention"
            )
        output = attention[-1]  # a query projection may have the same shape, but families define the output last
        writes = linear[mlp[0]].T  # (neurons, width)
        count = len(writes)
        reads = {at: weight for at, weight in linear.items() if weight.shape == (count, width) and not _in_attention(at)}
        gate = (
            next((weight for at, weight in reads.items() if "gate" in at or at.endswith("w1")), None) if len(reads) > 1 else None
        )
        units[f"attention.{number}"] = UnitPoint(f"{path}.{number}.{output}", "input", -1, heads, "head", head_size)
        units[f"mlp.{number}"] = UnitPoint(f"{path}.{number}.{mlp[0]}", "input", -1, count, "neuron")
        neurons[f"mlp.{number}"] = Neurons(next(weight for weight in reads.values() if weight is not gate), gate, writes)
    return units, neurons


def _in_attention(path: str) -> bool:
    return "attn" in path or "attention" in path


def _weight(part: nn.Module) -> Any:
    """The weight as (out, in); None for what is no linear map."""
    if isinstance(part, nn.Linear):
        return part.weight
    # GPT-2's layers keep theirs transposed.
    return part.weight.T if type(part).__name__ == "Conv1D" else None  # type: ignore[union-attr, operator]


def _final_norm(name: str, base: nn.Module, blocks: nn.ModuleList, width: int) -> nn.Module:
    inside = {id(part) for part in blocks.modules()}
    for part in reversed(list(base.modules())):
        weight = getattr(part, "weight", None)
        if id(part) not in inside and isinstance(weight, Tensor) and tuple(weight.shape) == (width,):
            return part
    raise ModelError(f"{name}: no final norm of width {width} was found")


def _gain(norm: nn.Module) -> Tensor:
    weight: Any = norm.weight
    return weight.detach() + 1 if re.match("Gemma", type(norm).__name__) else weight.detach()


def _revision(module: nn.Module) -> str:
    """The first 12 hexadecimal digits of the SHA-256 over names, shapes and values of all weights."""
    digest = hashlib.sha256()
    for path, tensor in sorted(module.state_dict().items()):
        digest.update(f"{path} {tuple(tensor.shape)} {tensor.dtype};".encode())
        digest.update(tensor.contiguous().view(torch.uint8).numpy() if tensor.dim() else str(tensor.item()).encode())
    return digest.hexdigest()[:12]
