"""Magnitude criteria: how much a block matters, by the size of its weights alone.

For a block b with the weights w and ``|b|`` of them inside the matrix:

==================  ====================  ============================================
``l1_norm``         sum of abs(w)         Li et al. (2017) rank filters by it
``l2_norm``         sqrt of sum of w^2    the norm that the group lasso shrinks
``mean_magnitude``  sum of abs(w) / |b|   Narang et al. (2017) and TensorFlow Model
``max_magnitude``   maximum of abs(w)     Optimization pool blocks by mean or maximum
==================  ====================  ============================================

Within blocks of one size the first and the third rank alike; for blocks of one
element all four do.

Padding is zeros, which add nothing to a sum and are never above a maximum. The
mean divides by the elements that are inside, so a block at the edge is neither
favoured nor punished there. Under the two norms it scores lower than a full
block of equal weights, because less is lost with it; it also counts for less in
the sparsity. All four give NaN for a block with a NaN in it, and selection keeps
what is NaN.

Sums are taken in float64, one element of every block after the other: squares
of float16 overflow, and equal blocks have to get equal scores wherever they lie
and however the kernel is stored.

Cost. A kernel is read once, in tiles that fit into a processor's cache, by as
many threads as there are processors. Beside the scores, 8 bytes a block, nothing
of its size is allocated.

Reference:

- Li et al., "Pruning Filters for Efficient ConvNets", ICLR 2017.
- Narang, Undersander and Diamos, "Block-Sparse Recurrent Neural Networks", 2017.
"""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Callable, Iterator

import numpy as np

# Elements of a tile, 1 MiB in float64, and from how many elements on threads pay.
_TILE = 1 << 17
_LARGE = 1 << 20

# Reduces a float64 array (elements of a block, ...), which it may overwrite, along
# its first axis.
_Reduction = Callable[[np.ndarray], np.ndarray]


def l1_norm(blocks: np.ndarray, sizes: np.ndarray | None = None) -> np.ndarray:
    """Sum of the absolute weights of each block.

    Args:
        blocks: Real array of shape ``(..., rows, columns, A, B)``, zeros where
            a block sticks out over the matrix.
        sizes: Not needed.

    Returns:
        float64 array of shape ``(..., rows, columns)``.

    Example:

    >>> l1_norm(np.array([[[[3.0, -4.0]]]])).tolist()
    [[7.0]]
    """
    return _reduce(blocks, _absolute_sum)


def l2_norm(blocks: np.ndarray, sizes: np.ndarray | None = None) -> np.ndarray:
    """Euclidean norm of the weights of each block.

    Args:
        blocks: Real array of shape ``(..., rows, columns, A, B)``, zeros where
            a block sticks out over the matrix.
        sizes: Not needed.

    Returns:
        float64 array of shape ``(..., rows, columns)``.

    Example:

    >>> l2_norm(np.array([[[[3.0, -4.0]]]])).tolist()
    [[5.0]]
    """
    return _reduce(blocks, _root_of_squares)


def mean_magnitude(blocks: np.ndarray, sizes: np.ndarray | None = None) -> np.ndarray:
    """Mean of the absolute weights of each block, padding left out.

    Args:
        blocks: Real array of shape ``(..., rows, columns, A, B)``, zeros where
            a block sticks out over the matrix.
        sizes: Elements of each block inside the matrix; broadcasts to
            ``(..., rows, columns)``. By default all of them.

    Returns:
        float64 array of shape ``(..., rows, columns)``.

    Example:

    >>> mean_magnitude(np.array([[[[3.0], [1.0]]], [[[2.0], [0.0]]]]), [[2], [1]]).tolist()
    [[2.0], [2.0]]
    """
    sums = _reduce(blocks, _absolute_sum)
    sums /= blocks.shape[-2] * blocks.shape[-1] if sizes is None else np.asarray(sizes)
    return sums


def max_magnitude(blocks: np.ndarray, sizes: np.ndarray | None = None) -> np.ndarray:
    """Largest absolute weight of each block.

    Args:
        blocks: Real array of shape ``(..., rows, columns, A, B)``, zeros where
            a block sticks out over the matrix.
        sizes: Not needed.

    Returns:
        float64 array of shape ``(..., rows, columns)``.

    Example:

    >>> max_magnitude(np.array([[[[3.0, -4.0]]]])).tolist()
    [[4.0]]
    """
    return _reduce(blocks, _absolute_maximum)


def _absolute_sum(elements: np.ndarray) -> np.ndarray:
    sums: np.ndarray = np.abs(elements, out=elements).sum(axis=0)
    return sums


def _root_of_squares(elements: np.ndarray) -> np.ndarray:
    norms: np.ndarray = np.sqrt(np.multiply(elements, elements, out=elements).sum(axis=0))
    return norms


def _absolute_maximum(elements: np.ndarray) -> np.ndarray:
    maxima: np.ndarray = np.abs(elements, out=elements).max(axis=0)
    return maxima


def _reduce(blocks: np.ndarray, reduction: _Reduction) -> np.ndarray:
    """Reduces every block to a number, tile by tile."""
    scores = np.empty(blocks.shape[:-2], dtype=np.float64)

    def work(tile: tuple[int | slice, ...]) -> None:
        scores[tile] = _of_tile(blocks[tile], reduction)

    if blocks.size < _LARGE:
        for tile in _tiles(blocks.shape):
            work(tile)
    else:
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            list(pool.map(work, _tiles(blocks.shape)))
    return scores


def _of_tile(blocks: np.ndarray, reduction: _Reduction) -> np.ndarray:
    """Reduces blocks of shape ``(rows, columns, A, B)``."""
    # Transposed so that what lies close in the kernel is read one after the other.
    turned = blocks.strides[0] < blocks.strides[1]
    elements = blocks.transpose(2, 3, 1, 0) if turned else blocks.transpose(2, 3, 0, 1)
    copy = elements.astype(np.float64, order="C").reshape(-1, *elements.shape[2:])
    # NumPy adds the elements of a single column in another order than those of several.
    alone = copy[0].size == 1
    reduced = reduction(np.repeat(copy, 2, axis=-1) if alone else copy)
    reduced = reduced[:, :1] if alone else reduced
    return reduced.T if turned else reduced


def _tiles(shape: tuple[int, ...]) -> Iterator[tuple[int | slice, ...]]:
    """Cuts ``(..., rows, columns, A, B)`` into tiles of a few rows and columns."""
    *stack, rows, columns, height, width = shape
    side = max(1, int((_TILE / max(1, height * width)) ** 0.5))
    tall = max(side, _TILE // max(1, height * width * min(side, columns or 1)))
    wide = max(1, _TILE // max(1, height * width * min(tall, rows or 1)))
    for group in np.ndindex(*stack):
        for row in range(0, rows, tall):
            for column in range(0, columns, wide):
                yield (*group, slice(row, row + tall), slice(column, column + wide))
