"""Which blocks to prune: exactly as many as asked for, and the same every time.

The target is turned into a number of blocks once, by rounding, and the blocks
are taken from a stable order of their scores. A threshold would keep or prune
all blocks of equal score together and so miss the number.

A block at the edge that sticks out over the matrix counts with the elements it
has inside, so the share of zero *elements* is what comes out nearest to the
target. Where the pattern divides the matrix this is
``round(target * number of blocks)``.

Blocks that are pruned already come first. A pruned block therefore stays pruned
while the target does not fall; if it falls, the last ones in row order come
back, with weights of zero.

As long as the target is less than everything, less than everything is pruned: rounded
for a kernel of few blocks, such as the whole channels of a small classifier, it would
otherwise leave a layer that computes nothing.

Where blocks differ in size, the pruned ones can miss the target by up to half a
block, and putting them in another order must not change their number. A target
counts as changed there only if it is missed by more, so that the same target
always gives the same mask.

A pattern that keeps K of N is the same ranking among fewer: only the N - K
lowest elements of each group of N may be pruned at all. While the target rises
to 1 - K/N, groups fill up in the order of their elements' scores; at that
target all of these candidates are pruned, and every group holds K elements.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfsparse.pattern import BlockPattern, KernelView, NMPattern, Pattern
from tfsparse.pruning.lowest import lowest


@dataclasses.dataclass(frozen=True)
class Ranking:
    """What is known about the blocks of a kernel when some of them are to be pruned.

    Attributes:
        scores: Score of each block, shape ``(groups, rows, columns)``; the
            lowest go first. NaN counts as highest.
        kept: bool array of that shape, the blocks kept so far.
        sizes: Elements in each block, padding left out; of that shape.
        candidates: bool array of that shape, the blocks that may be pruned.
    """

    scores: np.ndarray
    kept: np.ndarray
    sizes: np.ndarray
    candidates: np.ndarray


def elements_per_block(shape: tuple[int, int], block: BlockPattern) -> np.ndarray:
    """Elements of a matrix ``(out, in)`` in each block, padding left out.

    Args:
        shape: Shape of the matrix.
        block: Block shape.

    Returns:
        int64 array of the shape of the block grid.
    """
    rows, columns = block.grid(shape)
    heights = np.minimum(block.out, shape[0] - block.out * np.arange(rows))
    widths = np.minimum(block.in_, shape[1] - block.in_ * np.arange(columns))
    return np.outer(heights, widths).astype(np.int64, copy=False)


def rank(scores: np.ndarray, kept: np.ndarray, view: KernelView, pattern: Pattern) -> Ranking:
    """Puts together what `select` needs.

    Args:
        scores: Score of each block, shape ``(groups, rows, columns)``.
        kept: bool array of that shape, the blocks kept so far.
        view: How the kernel is viewed as matrices.
        pattern: Pattern of the mask.

    Returns:
        A `Ranking`.
    """
    sizes = elements_per_block(view.matrix_shape, pattern.flag_block(view.matrix_shape))
    if isinstance(pattern, NMPattern):
        candidates = lowest_of_groups(scores, kept, pattern)
    else:
        candidates = np.broadcast_to(np.True_, scores.shape)
    return Ranking(scores, kept, np.broadcast_to(sizes, scores.shape), candidates)


def lowest_of_groups(scores: np.ndarray, kept: np.ndarray, pattern: NMPattern) -> np.ndarray:
    """The elements that a pattern "K:N" lets go: the N - K lowest of every N.

    Elements that are pruned already count as lowest, and the padding of a last
    group that is not full as lower still.

    Args:
        scores: Score of each element, shape ``(..., in)``.
        kept: bool array of that shape.
        pattern: The pattern.

    Returns:
        bool array of that shape.

    Example:

    >>> scores = np.array([[4.0, 1.0, 2.0, 3.0, 9.0]])
    >>> lowest_of_groups(scores, np.ones((1, 5), bool), NMPattern(2, 4)).tolist()
    [[False, True, True, False, False]]
    """
    missing = -scores.shape[-1] % pattern.of
    pad = [(0, 0)] * (scores.ndim - 1) + [(0, missing)]
    ranks = np.where(kept, scores, -1.0 if np.isnan(scores).all() else np.nanmin(scores) - 1.0)
    ranks = np.pad(ranks, pad, constant_values=-np.inf)
    grouped = ranks.reshape(*scores.shape[:-1], -1, pattern.of)
    order = np.argsort(grouped, axis=-1, kind="stable")
    lowest = np.zeros(grouped.shape, bool)
    np.put_along_axis(lowest, order[..., : pattern.of - pattern.keep], True, axis=-1)
    return lowest.reshape(ranks.shape)[..., : scores.shape[-1]]


def select(ranking: Ranking, sparsity: float) -> np.ndarray:
    """Chooses the blocks to keep.

    Args:
        ranking: Scores, blocks kept so far, sizes and candidates.
        sparsity: Share of elements to prune, in [0, 1).

    Returns:
        bool array of the shape of the scores, True where a block is kept.

    Example:

    >>> scores = np.array([[[3.0, 1.0, 1.0, 2.0]]])
    >>> ones = np.ones_like(scores)
    >>> select(Ranking(scores, ones > 0, ones, ones > 0), 0.25).tolist()
    [[[True, False, True, True]]]
    """
    sizes = ranking.sizes
    budget = sparsity * float(sizes.sum(dtype=np.int64))
    # Blocks of one size are counted: division by the size could round to another number.
    alike = sizes.min() == sizes.max()
    kept = ~lowest(
        ranking.scores,
        sparsity * sizes.size if alike else budget,
        sizes=None if alike else sizes,
        first=~ranking.kept,
        among=ranking.candidates,
    )
    if not kept.any() and ranking.kept.any():
        kept[_highest(ranking)] = True
    return kept


def _highest(ranking: Ranking) -> tuple[np.intp, ...]:
    """Index of the kept block that would go last: of equal ones the last in row order."""
    scores = np.nan_to_num(ranking.scores, nan=np.inf)
    flat = np.where(ranking.kept, scores, -np.inf).ravel()
    return np.unravel_index(flat.size - 1 - np.argmax(flat[::-1]), scores.shape)
