"""A mask as a grey picture: white where it keeps, black where it prunes."""

from __future__ import annotations

import numpy as np

from tfsparse.pattern import BlockPattern

LARGEST, SMALLEST = 256, 128


def mask_image(kept: np.ndarray, block: BlockPattern) -> np.ndarray:
    """Draws a mask as the matrix ``(out, in)`` it covers, row 0 on top.

    The matrices of a grouped kernel lie below each other. A side with more blocks
    than pixels is divided evenly, and a pixel's grey is the square root of the share
    of kept blocks in it. Screens darken their input so much that this looks like the
    blocks from afar, where the share itself is all but black at 95% sparsity. A small
    mask is enlarged, every block as large as the next.

    Args:
        kept: bool array of shape ``(groups, rows, columns)``, one flag per block.
        block: The block that a flag covers.

    Returns:
        uint8 array of at most `LARGEST` rows and columns.

    Example:

    >>> kept = np.arange(1000).reshape(1, 1, 1000) < 500
    >>> image = mask_image(kept, BlockPattern(4, 1))
    >>> image.shape, image[0, [0, 100, -1]].tolist()
    ((4, 256), [255, 255, 0])
    """
    flags = kept.reshape(-1, kept.shape[-1])
    if flags.size == 0:
        return np.zeros((1, 1), np.uint8)
    pixels = _fit(_fit(flags, block.out, axis=0), block.in_, axis=1)
    grey = np.rint(255.0 * np.sqrt(pixels)).astype(np.uint8)
    return np.kron(grey, np.ones((_zoom(grey.shape),) * 2, np.uint8))


def _fit(flags: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Makes an axis of flags one of pixels: their share, or each as wide as its block."""
    number = flags.shape[axis]
    if number <= LARGEST:
        return np.repeat(flags, min(size, LARGEST // number), axis=axis)
    edges = np.arange(LARGEST + 1) * number // LARGEST
    widths = np.diff(edges).reshape((-1, 1) if axis == 0 else (1, -1))
    shares: np.ndarray = np.add.reduceat(flags, edges[:-1], axis=axis, dtype=np.float32) / widths
    return shares


def _zoom(shape: tuple[int, ...]) -> int:
    """How many times a picture must be enlarged to be `SMALLEST` pixels long."""
    longest = max(shape)
    return min(-(-SMALLEST // longest), LARGEST // longest)
