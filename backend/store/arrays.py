"""Results on disk: any frozen dataclass of arrays, scalars, mappings and dataclasses, as one safetensors file a run."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from safetensors.numpy import save as serialise

from backend import limits, places
from backend.store.files import StoreError, touch, write_whole

SUFFIX = ".safetensors"
KINDS = "biuf"  # bool, signed, unsigned, float: what safetensors and numpy both know


class ResultGone(LookupError):
    """No result is stored under this hash."""


class ResultDamaged(StoreError):
    """A stored result cannot be read back as it was written; the message names the file."""


def save(question_hash: str, result: Any) -> int:
    """Store a result under its question's hash; returns its bytes.

    Raises TypeError for what is not made of the kinds above, StoreError where it is too large or cannot be written.
    """
    arrays: dict[str, np.ndarray] = {}
    tree = json.dumps(_pack(result, arrays))
    size = sum(array.nbytes for array in arrays.values())
    if size > limits.RESULT_BYTES:
        raise StoreError(
            f"The result has {size / 1024**2:,.0f} MB; the limit is {limits.RESULT_BYTES // 1024**2} MB. It was not kept."
        )
    data = serialise(arrays, metadata={"result": tree, "sha256": _digest(tree, arrays)})
    write_whole(place(question_hash), data)
    return len(data)


def load(question_hash: str) -> Any:
    """The result stored under a hash. Raises ResultGone where there is none, ResultDamaged where it cannot be read."""
    path = place(question_hash)
    try:
        with safetensors.safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (the file is no mapping)
        if metadata["sha256"] != _digest(metadata["result"], arrays):
            raise ValueError("its checksum is wrong")
        result = _unpack(json.loads(metadata["result"]), arrays)
    except FileNotFoundError as error:
        raise ResultGone(question_hash) from error
    except (OSError, safetensors.SafetensorError, ValueError, TypeError, LookupError, AttributeError, ImportError) as error:
        raise ResultDamaged(f"The stored result {path} cannot be read ({error}). Run it again to replace it.") from error
    touch(path)
    return result


def stored(question_hash: str) -> bool:
    """Whether a result is stored under a hash."""
    return bool(re.fullmatch(r"[0-9a-f]{64}", question_hash)) and place(question_hash).exists()


def remove(question_hash: str) -> None:
    """Remove the result of a hash, if there is one."""
    place(question_hash).unlink(missing_ok=True)


def place(question_hash: str) -> Path:
    """The file of a hash. Raises ResultGone for what is no hash, so that no link can name another file."""
    if not re.fullmatch(r"[0-9a-f]{64}", question_hash):
        raise ResultGone(question_hash[:80])
    return places.runs() / f"{question_hash}{SUFFIX}"


def _pack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """A JSON tree of the value; its arrays are put aside by number."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in KINDS:
            raise TypeError(f"an array of {value.dtype} cannot be stored")
        name = str(len(arrays))
        arrays[name] = np.asarray(value, order="C")
        return {"array": name}
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: _pack(getattr(value, field.name), arrays) for field in fields(value)}
        return {"dataclass": f"{type(value).__module__}:{type(value).__qualname__}", "fields": parts}
    if isinstance(value, Mapping):
        return {"mapping": [[_pack(key, arrays), _pack(item, arrays)] for key, item in value.items()]}
    if isinstance(value, tuple | list):
        return {type(value).__name__: [_pack(item, arrays) for item in value]}
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _unpack(tree: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    match tree:
        case {"array": name}:
            return arrays[name]
        case {"dataclass": name, "fields": parts}:
            return _result_class(name)(**{key: _unpack(part, arrays) for key, part in parts.items()})
        case {"mapping": items}:
            return {_unpack(key, arrays): _unpack(item, arrays) for key, item in items}
        case {"tuple": items}:
            return tuple(_unpack(item, arrays) for item in items)
        case {"list": items}:
            return [_unpack(item, arrays) for item in items]
    return tree


def _result_class(name: str) -> type:
    """A frozen dataclass by module and name; modules outside the backend are not imported on a file's word."""
    module_name, _, class_name = name.partition(":")
    module = importlib.import_module(module_name) if module_name.startswith("backend.") else sys.modules[module_name]
    found: Any = getattr(module, class_name)
    if not (isinstance(found, type) and is_dataclass(found) and found.__dataclass_params__.frozen):  # type: ignore[attr-defined]
        raise TypeError(f"{name[:80]} is no frozen dataclass")
    return found


def _digest(tree: str, arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(tree.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
