"""Products of all neurons of a layer with the whole vocabulary, in blocks that stay short and small."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

BLOCK_OPERATIONS = 3e10  # a third of a second on one core, so that a click elsewhere never waits long
MOST_ROWS, FEWEST_ROWS = 512, 8


def block_rows(tokens: int, width: int) -> int:
    """How many neurons one product takes, from the sizes of the readout."""
    return int(min(MOST_ROWS, max(FEWEST_ROWS, BLOCK_OPERATIONS / (2 * tokens * width))))


def blocks(written: Tensor, readout: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Slices of the neurons (neurons, width) with their products with the readout (tokens, width).

    The product, (neurons of the block, tokens), is overwritten by the next one: read it before going on.
    """
    rows = block_rows(*readout.shape)
    out = readout.new_empty(min(rows, len(written)), len(readout))
    for start in range(0, len(written), rows):
        part = written[start : start + rows]
        product = out[: len(part)]  # new memory for every block would cost as much as reading it
        product.addmm_(part, readout.T, beta=0)
        yield slice(start, start + len(part)), product
