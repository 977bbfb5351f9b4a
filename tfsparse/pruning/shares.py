"""Shrinks a matrix of booleans to a picture: the share of True in each of its cells.

A cell is as many elements high as any other and as many wide, but for the last, so
that what repeats in the matrix repeats in the picture. A matrix that has no more
elements than a picture may have cells is left as it is.
"""

from __future__ import annotations

import itertools

import numpy as np

CELLS, LONGEST = 96 * 96, 288


def shares(occupied: np.ndarray) -> np.ndarray:
    """The share of True in each cell of a matrix.

    Args:
        occupied: bool array of shape ``(rows, columns)``.

    Returns:
        float64 array of at most `LONGEST` rows and columns, and `CELLS` elements.

    Example:

    >>> shares(np.arange(300 * 300).reshape(300, 300) % 2 == 0).shape
    (75, 100)
    """
    if not occupied.size:
        return np.zeros((0, 0))
    row_edges, column_edges = map(_edges, occupied.shape, _cell(occupied.shape))
    # Counting strip by strip is many times as fast as one reduction over strips of booleans.
    strips = itertools.pairwise(row_edges)
    counts = np.stack([np.count_nonzero(occupied[start:end], axis=0) for start, end in strips])
    counts = np.add.reduceat(counts, column_edges[:-1], axis=1)
    cells: np.ndarray = counts / np.outer(np.diff(row_edges), np.diff(column_edges))
    return cells


def _cell(shape: tuple[int, ...]) -> tuple[int, int]:
    """Elements (high, wide) that share a cell: as few as the picture allows, about square."""
    height, width = (-(-size // LONGEST) for size in shape)
    while -(-shape[0] // height) * -(-shape[1] // width) > CELLS:
        if height <= width:
            height += 1
        else:
            width += 1
    return height, width


def _edges(size: int, step: int) -> np.ndarray:
    """Where cells begin, and where the last one ends."""
    return np.array([*range(0, size, step), size])
