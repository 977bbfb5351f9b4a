"""Chooses the block shape that fits the zeros of a weight matrix best."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfsparse.conversion.cost_model import Precision, dense_cost, sparse_cost
from tfsparse.pattern import BlockPattern, to_blocks

_WIDE = [(out, in_) for in_ in (4, 2, 1) for out in (16, 8, 4)]
CANDIDATES: tuple[BlockPattern, ...] = tuple(
    BlockPattern(*sizes) for sizes in [(32, 4), *_WIDE, (2, 1), (1, 1)]
)
"""Block shapes with a kernel of their own, the ones with the fewest indices first."""


@dataclasses.dataclass(frozen=True)
class BlockChoice:
    """A block shape and what it is predicted to bring.

    Attributes:
        block: Shape of the blocks.
        speedup: Predicted time of the dense op over that of the block-sparse op.
    """

    block: BlockPattern
    speedup: float


def stored_elements(matrix: np.ndarray, block: BlockPattern) -> int:
    """Elements in the blocks of `matrix` that hold a non-zero, padding included."""
    occupied = to_blocks(matrix != 0, block).any(axis=(2, 3))
    return int(np.count_nonzero(occupied)) * block.out * block.in_


def choose_block(
    matrix: np.ndarray,
    precision: Precision,
    rows: int,
    candidates: Sequence[BlockPattern] = CANDIDATES,
) -> BlockChoice:
    """Chooses the candidate of least predicted cost, the earlier one among equals.

    Args:
        matrix: Weights of shape ``(out, in)`` as they will be stored; for INT8 the
            quantized ones, whose small elements have become zeros.
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``.
        rows: Rows of the activations that the op is expected to see per call.
        candidates: Block shapes to choose from.

    Returns:
        The best shape with its predicted speed-up over the dense float32 op.

    Raises:
        ValueError: If there are no candidates.
    """
    if not candidates:
        raise ValueError("`candidates` should hold at least one block shape. Received: none")
    shape = (matrix.shape[0], matrix.shape[1])
    dense = dense_cost(rows, shape)
    costs = [
        sparse_cost(rows, shape, stored_elements(matrix, block), precision, block)
        for block in candidates
    ]
    best = int(np.argmin(costs))
    return BlockChoice(candidates[best], dense / costs[best])
