"""One unit index as one file: which arrays it holds, its manifest in the header, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from safetensors.numpy import save_file

from backend import limits, places
from backend.methods.question import Corpus
from backend.models.card import UnitLayer
from backend.store.files import StoreError, trim, unwritable

FORMAT = 1
SUFFIX = ".safetensors"
BINS = 64
TOP, BOTTOM, BAND = 8, 3, 3  # examples a unit: largest, smallest, and of each of the high, middle and random band
SAMPLED = 128  # items drawn uniformly, passed first
RANDOM_SLOTS = (0, 50, 100)  # sampled items shown as random examples; of different batches, so of different lengths
BEFORE, AFTER = 12, 4  # tokens shown around a peak
OUTSIDE = -128  # in a window: beyond the sequence
NO_SLOT = 255  # in a band: no sampled item has been found for it


class IndexDamaged(StoreError):
    """A stored index cannot be read; the message names the file and what happens next."""


@dataclass(frozen=True)
class Manifest:
    """What an index is of, and how far it has come.

    items, items_total: sequences or pictures passed, and how many were asked for, of `available` in the corpus.
    positions_of: values counted of each unit of a layer, one number a layer. finished: whether all items asked for have passed.
    seed: what the order of items was drawn by.
    """

    model: str
    revision: str
    corpus: Corpus
    layers: tuple[UnitLayer, ...]
    items: int
    items_total: int
    available: int
    positions_of: tuple[int, ...]
    finished: bool
    seed: int

    @property
    def positions(self) -> int:
        """Values counted of each unit of the largest layer: tokens, or cells of its maps."""
        return max(self.positions_of, default=0)

    @property
    def units(self) -> int:
        """How many units there are in all layers."""
        return sum(layer.count for layer in self.layers)


def array_shapes(windowed: bool) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Type and shape of each array, without its first axis, the units; `sampled_items` alone has none.

    Windows are the activations around a peak as bytes, 127 the scale beside them. Values of sampled items are of half precision.
    `shift_sums` are the sums of the first four powers of (activation − shift). `*_places` are positions in an item.
    """
    half, single, byte = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.int8)
    place, number = np.dtype(np.int32), np.dtype(np.int32)
    width = BEFORE + 1 + AFTER if windowed else 0
    shapes: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
        "counts": (np.dtype(np.uint32), (BINS,)), "low": (single, ()), "high": (single, ()),
        "minimum": (single, ()), "maximum": (single, ()), "fired": (np.dtype(np.uint32), ()),
        "shift": (single, ()), "shift_sums": (np.dtype(np.float64), (4,)),
        "sampled_values": (half, (SAMPLED,)), "sampled_places": (place, (SAMPLED,)),
        "high_slots": (np.dtype(np.uint8), (BAND,)), "middle_slots": (np.dtype(np.uint8), (BAND,)),
        "middle_values": (half, (BAND,)), "middle_places": (place, (BAND,)),
    }  # fmt: skip
    for name, count in (("top", TOP), ("bottom", BOTTOM)):
        shapes |= {f"{name}_values": (single, (count,)), f"{name}_means": (single, (count,))}
        shapes |= {f"{name}_items": (number, (count,)), f"{name}_places": (place, (count,))}
    for name, count in (("top", TOP), ("bottom", BOTTOM), ("high", BAND), ("middle", BAND), ("random", BAND)):
        shapes |= {f"{name}_windows": (byte, (count, width)), f"{name}_scales": (half, (count,))}
    return shapes if windowed else {name: shape for name, shape in shapes.items() if not name.endswith(("_windows", "_scales"))}


def index_path(model: str, revision: str, corpus: Corpus) -> Path:
    """Where the index of a model on a corpus lies; whatever the names hold, the file's is a hash."""
    key = json.dumps([model, revision, corpus.name, corpus.content])
    return places.indexes() / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}{SUFFIX}"


def write_index(manifest: Manifest, arrays: Mapping[str, np.ndarray]) -> int:
    """Replace the index by this one; a reader sees the old or the new, whole. Returns its bytes. Raises StoreError.

    Places are narrowed to what the largest of them needs.
    """
    path = index_path(manifest.model, manifest.revision, manifest.corpus)
    stored = {name: np.ascontiguousarray(_narrow(array) if name.endswith("_places") else array) for name, array in arrays.items()}
    head = {"format": str(FORMAT), "code": collecting_code(), "manifest": json.dumps(asdict(manifest))}
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        os.close(handle)
        try:
            save_file(stored, temporary, metadata=head)
            size = Path(temporary).stat().st_size
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except (OSError, safetensors.SafetensorError) as error:
        raise unwritable(path.parent, error) from error
    trim(path.parent, SUFFIX, limits.INDEX_STORE_BYTES, keep=(path.stem,))
    return size


def read_head(path: Path) -> tuple[Manifest, Any] | None:
    """The manifest and the open file, memory-mapped; None where there is no file, or one of another format or other code.

    Raises IndexDamaged where it is cut off or no index.
    """
    try:
        file = safetensors.safe_open(path, framework="np")
        head = file.metadata() or {}
        if (head.get("format"), head.get("code")) != (str(FORMAT), collecting_code()):
            return None
        return _manifest(json.loads(head["manifest"])), file
    except FileNotFoundError:
        return None
    except (OSError, safetensors.SafetensorError, ValueError, TypeError, LookupError) as error:
        reason = "it is cut off" if "incomplete" in str(error).lower() else str(error)[:200]
        raise IndexDamaged(f"The unit index {path} cannot be read: {reason}. The next build replaces it.") from error


def _manifest(data: dict[str, Any]) -> Manifest:
    layers = tuple(UnitLayer(**layer) for layer in data["layers"])
    made = data | {"corpus": Corpus(**data["corpus"]), "layers": layers, "positions_of": tuple(data["positions_of"])}
    return Manifest(**made)


def _narrow(places: np.ndarray) -> np.ndarray:
    largest = int(places.max(initial=0))
    return places.astype(next(kind for kind in (np.uint8, np.uint16, np.uint32) if largest <= np.iinfo(kind).max))


@cache
def collecting_code() -> str:
    """The first 12 hexadecimal digits of the SHA-256 over what decides the numbers of an index: its own modules."""
    backend = Path(__file__).parents[1]
    files = [
        *sorted((backend / "methods" / "neurons" / "index").glob("*.py")),
        backend / "data" / "token_corpus.py",
        backend / "data" / "image_corpus.py",
        Path(__file__),
    ]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
