"""Chooses the block shape that fits the zeros of a weight matrix best."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfsparse.conversion.cost_model import PER_ACTIVATION, dense_cost, sparse_cost
from tfsparse.conversion.geometry import Geometry
from tfsparse.conversion.targets import DEFAULT_TARGET, Precision, Target
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


def stored_elements(matrix: np.ndarray, blocks: Sequence[BlockPattern]) -> dict[BlockPattern, int]:
    """Elements in the blocks of a matrix that hold a non-zero, padding included.

    Args:
        matrix: Array of shape ``(out, in)``.
        blocks: Block shapes.

    Returns:
        The number of elements for each shape. A large block is occupied where one of the two
        that it consists of is, so a matrix is read once for all of them.
    """
    occupied: dict[tuple[int, int], np.ndarray] = {(1, 1): matrix != 0}

    def of(out: int, in_: int) -> np.ndarray:
        if (out, in_) not in occupied:
            if out % 2 == 0:
                occupied[out, in_] = _pairs(of(out // 2, in_))
            elif in_ % 2 == 0:
                occupied[out, in_] = _pairs(of(out, in_ // 2).T).T
            else:
                grid = to_blocks(occupied[1, 1], BlockPattern(out, in_))
                occupied[out, in_] = np.asarray(grid.any(axis=(2, 3)))
        return occupied[out, in_]

    return {
        block: int(np.count_nonzero(of(block.out, block.in_))) * block.out * block.in_
        for block in blocks
    }


def _pairs(rows: np.ndarray) -> np.ndarray:
    """Whether one of each two rows is True; a last one without a partner stays what it is."""
    merged: np.ndarray = rows[0::2].copy()
    merged[: len(rows) // 2] |= rows[1::2]
    return merged


def choose_block(
    matrix: np.ndarray,
    precision: Precision,
    rows: int,
    candidates: Sequence[BlockPattern] = CANDIDATES,
    target: Target = DEFAULT_TARGET,
    geometry: Geometry | None = None,
    joined: int = 0,
) -> BlockChoice:
    """Chooses the candidate of least predicted cost, the earlier one among equals.

    Args:
        matrix: Weights of shape ``(out, in)`` as they will be stored; for INT8 the
            quantized ones, whose small elements have become zeros.
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``.
        rows: Rows of the activations that the op is expected to see per call.
        candidates: Block shapes to choose from.
        target: The processor that will serve.
        geometry: How the window of a convolution moves; None for a product.
        joined: Inputs and outputs that a neighbour in the same chain gives and takes.

    Returns:
        The best shape with its predicted speed-up over the dense float32 op.

    Raises:
        ValueError: If there are no candidates.
    """
    if not candidates:
        raise ValueError("`candidates` should hold at least one block shape. Received: none")
    shape = (matrix.shape[0], matrix.shape[1])
    between = rows * joined * PER_ACTIVATION[precision]
    dense = dense_cost(rows, shape) + between
    stored = stored_elements(matrix, candidates)
    costs = [
        sparse_cost(rows, shape, stored[block], precision, block, target, geometry) - between
        for block in candidates
    ]
    best = int(np.argmin(costs))
    return BlockChoice(candidates[best], dense / costs[best])
