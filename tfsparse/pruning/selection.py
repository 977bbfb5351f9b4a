"""Which blocks to prune: exactly as many as asked for, and the same every time.

The target is turned into a number of blocks once, by rounding, and the blocks
are taken from a stable sort of their scores. A threshold would keep or prune
all blocks of equal score together and so miss the number.

A block at the edge that sticks out over the matrix counts with the elements it
has inside, so the share of zero *elements* is what comes out nearest to the
target. Where the pattern divides the matrix this is
``round(target * number of blocks)``.

Blocks that are pruned already come first. A pruned block therefore stays pruned
while the target does not fall; if it falls, the last ones in row order come
back, with weights of zero.

Where blocks differ in size, the pruned ones can miss the target by up to half a
block, and putting them in another order must not change their number. A target
counts as changed there only if it is missed by more, so that the same target
always gives the same mask.
"""

from __future__ import annotations

import numpy as np

from tfsparse.pattern import BlockPattern


def elements_per_block(shape: tuple[int, int], pattern: BlockPattern) -> np.ndarray:
    """Elements of a matrix ``(out, in)`` in each block, padding left out.

    Args:
        shape: Shape of the matrix.
        pattern: Block shape.

    Returns:
        int64 array of the shape of the block grid.
    """
    rows, columns = pattern.grid(shape)
    heights = np.minimum(pattern.out, shape[0] - pattern.out * np.arange(rows))
    widths = np.minimum(pattern.in_, shape[1] - pattern.in_ * np.arange(columns))
    return np.outer(heights, widths).astype(np.int64)


def select_blocks(
    scores: np.ndarray, kept: np.ndarray, sizes: np.ndarray, sparsity: float
) -> np.ndarray:
    """Chooses the blocks to keep.

    Args:
        scores: Score of each block, shape ``(rows, columns)``; the lowest go
            first. NaN counts as highest.
        kept: bool array of that shape, the blocks kept so far.
        sizes: Elements in each block, of that shape.
        sparsity: Share of elements to prune, in [0, 1).

    Returns:
        bool array of that shape, True where a block is kept.

    Example:

    >>> scores = np.array([[3.0, 1.0, 1.0, 2.0]])
    >>> ones = np.ones_like(scores)
    >>> select_blocks(scores, ones.astype(bool), ones, 0.25).tolist()
    [[True, False, True, True]]
    """
    order = np.lexsort((scores.ravel(), kept.ravel()))
    pruned = np.concatenate([[0], np.cumsum(sizes.ravel()[order])])
    target = sparsity * pruned[-1]
    count = int(np.count_nonzero(~kept))
    missed = abs(pruned[count] - target)
    if sizes.min() == sizes.max() or missed > sizes.max() / 2:
        count = round(float(np.interp(target, pruned, np.arange(pruned.size))))
    mask = np.ones(scores.size, dtype=bool)
    mask[order[:count]] = False
    return mask.reshape(scores.shape)
