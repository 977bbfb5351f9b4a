"""A mask as a grey picture: white where it keeps, black where it prunes."""

from __future__ import annotations

import numpy as np

from tfsparse.pattern import BlockPattern
from tfsparse.pruning.shares import LONGEST, shares

SMALLEST = 96


def mask_image(kept: np.ndarray, block: BlockPattern) -> np.ndarray:
    """Draws a mask as the matrix ``(out, in)`` it covers, row 0 on top.

    The matrices of a grouped kernel lie below each other. In a large one a pixel is a
    cell of elements, and its grey is the square root of the share that is kept.
    Screens darken their input so much that this looks like the blocks from afar, where
    the share itself is all but black at 95% sparsity. A small mask is enlarged, every
    block as large as the next.

    Args:
        kept: bool array of shape ``(groups, rows, columns)``, one flag per block.
        block: The block that a flag covers.

    Returns:
        uint8 array of at most `LONGEST` rows and columns.

    Example:

    >>> kept = np.arange(1000).reshape(1, 1, 1000) < 500
    >>> image = mask_image(kept, BlockPattern(4, 1))
    >>> image.shape, image[0, [0, 100, -1]].tolist()
    ((4, 250), [255, 255, 0])
    """
    flags = kept.reshape(-1, kept.shape[-1])
    if flags.size == 0:
        return np.zeros((1, 1), np.uint8)
    elements = np.repeat(np.repeat(flags, block.in_, axis=1), block.out, axis=0)
    grey = np.rint(255.0 * np.sqrt(shares(elements))).astype(np.uint8)
    return np.kron(grey, np.ones((_zoom(grey.shape),) * 2, np.uint8))


def _zoom(shape: tuple[int, ...]) -> int:
    """How many times a picture must be enlarged to be `SMALLEST` pixels long."""
    longest = max(shape)
    return max(1, min(-(-SMALLEST // longest), LONGEST // longest))
