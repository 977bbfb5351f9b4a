"""Reads the pattern of a kernel off its zeros, where nothing says what it was pruned to.

A block size fits where two things hold. Nearly all zeros lie in all-zero
blocks, so the blocks are not too large; and nearly all elements of the other
blocks are not zero, so a block is kept or pruned as a whole. Zeros that are
scattered at random fail one of the two at any sparsity: of blocks of two, the
first share is s and the second 1 / (1 + s). "Nearly" leaves room for a weight
that is zero by chance or by rounding to 8 bits.

The largest block that fits is the answer. Sizes are powers of two, as those of
every block kernel that we know are, so all of them come out of halving one grid
again and again: the cost is that of a few passes over the kernel.
"""

from __future__ import annotations

import numpy as np

from tfsparse.pattern import BlockPattern, ChannelPattern, NMPattern, Pattern, block_sparsity
from tfsparse.pruning.report.conformity import conforming_share

_FITS = 0.9
_LARGEST = 64
_KEEP_OF = (NMPattern(1, 4), NMPattern(2, 4), NMPattern(4, 8))


def found_pattern(matrices: np.ndarray) -> Pattern | None:
    """The pattern that the zeros of a kernel follow.

    Args:
        matrices: Kernel of shape ``(groups, out, in)``.

    Returns:
        The largest of the patterns that fit; ``BlockPattern(1, 1)`` where the
        zeros are scattered, None where there are none.

    Example:

    >>> kernel = np.ones((1, 8, 6))
    >>> kernel[0, 4:, ::2] = 0
    >>> str(found_pattern(kernel))
    '4x1'
    """
    occupied = matrices != 0
    zeros = occupied.size - np.count_nonzero(occupied)
    if not zeros:
        return None
    channel = ChannelPattern()
    if _fits(occupied, block_sparsity(occupied, channel.flag_block(occupied.shape[1:])), zeros):
        return channel
    fitting = [block for block, share in _grids(occupied) if _fits(occupied, share, zeros)]
    block = max(fitting, key=lambda one: (one.out * one.in_, one.out))
    if block == BlockPattern(1, 1):
        return next((one for one in _KEEP_OF if _keeps(occupied, one)), block)
    return block


def _fits(occupied: np.ndarray, in_blocks: float, zeros: int) -> bool:
    """Whether zeros fill their blocks, given the share of elements in all-zero blocks."""
    outside = (1.0 - in_blocks) * occupied.size
    full = outside == 0 or (occupied.size - zeros) / outside >= _FITS
    return full and in_blocks * occupied.size >= _FITS * zeros


def _grids(occupied: np.ndarray) -> list[tuple[BlockPattern, float]]:
    """Block sizes, each with the share of elements that lie in all-zero blocks."""
    grids = []
    tall, height = occupied, 1
    # A block larger than the matrix would be told from a smaller one by padding alone.
    while height <= min(_LARGEST, occupied.shape[1]):
        wide, width = tall, 1
        while width <= min(_LARGEST, occupied.shape[2]):
            block = BlockPattern(height, width)
            grids.append((block, _elements_in_empty(wide, block, occupied.shape) / occupied.size))
            wide, width = _joined(wide.swapaxes(1, 2)).swapaxes(1, 2), width * 2
        tall, height = _joined(tall), height * 2
    return grids


def _joined(occupied: np.ndarray) -> np.ndarray:
    """Rows two by two: occupied where one of the two is."""
    joined = occupied[:, ::2].copy()
    second = occupied[:, 1::2]
    joined[:, : second.shape[1]] |= second
    return joined


def _elements_in_empty(grid: np.ndarray, block: BlockPattern, shape: tuple[int, ...]) -> int:
    """Elements of a kernel that lie in blocks which are not occupied, padding left out."""
    _, rows, columns = grid.shape
    last_height = shape[1] - (rows - 1) * block.out
    last_width = shape[2] - (columns - 1) * block.in_
    inner = (columns - 1) - np.count_nonzero(grid[:, :, :-1], axis=2)
    elements = inner * block.in_ + ~grid[:, :, -1] * last_width
    return int(elements[:, :-1].sum() * block.out + elements[:, -1].sum() * last_height)


def _keeps(occupied: np.ndarray, pattern: NMPattern) -> bool:
    zeros = 1.0 - np.count_nonzero(occupied) / occupied.size
    # A kernel that is much sparser than the pattern asks for would conform by chance.
    near = abs(zeros - pattern.sparsity) < 0.01
    return bool(near and conforming_share(occupied, pattern) > 0.99)
