"""The blocks of one kernel in the order in which they go, each with its rank in a model.

See `global_ranking.py` for what the ranks are and what they are for.
"""

from __future__ import annotations

import numpy as np

from tfsparse.pruning.lowest import lowest
from tfsparse.pruning.selection import Ranking

# Bounds are compared with sums of sizes in floating point.
SLACK = 1e-9
# Stands for what is no number: it goes last and counts for nothing in sums.
_HIGHEST = np.finfo(np.float64).max


class BlockQueue:
    """The blocks of one kernel that may go, in the order in which they do.

    Args:
        ranking: Scores, blocks kept so far, sizes and candidates.
        low: Share of its elements that the kernel loses at least.
        high: Share of its elements that it loses at most.

    Attributes:
        blocks: Number of blocks in the kernel.
        elements: Number of elements in the kernel.
        largest: Elements of the largest block.
        is_even: Whether all blocks are of one size.
        given: How many blocks go in any case, or have gone.
        most: Elements that may go within the bounds, if blocks could be cut.
        ranks: Rank of each block that may go within the bounds, among those of
            all kernels; does not fall along the queue.

    Raises:
        ValueError: If a score is negative.
    """

    def __init__(self, ranking: Ranking, low: float, high: float) -> None:
        self._ranking = ranking
        sizes, kept = ranking.sizes, ranking.kept
        self.blocks = kept.size
        self.elements = int(sizes.sum(dtype=np.int64))
        self.largest = int(sizes.max(initial=0))
        self.is_even = sizes.size == 0 or int(sizes.min()) == self.largest
        begun = self.blocks - int(np.count_nonzero(kept))
        waiting = kept & ranking.candidates
        self._length = begun + int(np.count_nonzero(waiting))
        self._ends = None if self.is_even else _ends_of_blocks(ranking, waiting)
        self.most = max(
            self.elements_of(begun), min(high * self.elements, self.elements_of(self._length))
        )
        allowed = max(begun, self._blocks_of((high + SLACK) * self.elements))
        forced = min(allowed, self._blocks_reaching((low - SLACK) * self.elements))
        self.given = max(begun, forced)
        scores = _numbers(ranking.scores, waiting)
        scores.sort()
        ranks = _shares(scores, _numbers(ranking.scores, kept & ~ranking.candidates))
        ranks *= self.blocks / max(1, self.elements)
        # What has gone comes below every rank; a falling target gives back evenly.
        below = np.arange(1, begun + 1) / max(1, begun) - 2.0
        self.ranks = np.concatenate([below, ranks[: allowed - begun]])
        self.ranks[:forced] = -np.inf

    def elements_of(self, count: int) -> int:
        """Elements of the first blocks."""
        if self._ends is None:
            return count * self.largest
        return int(self._ends[count - 1]) if count else 0

    def nearest(self, elements: float) -> int:
        """How many of the first blocks come nearest to so many elements, the fewer of two."""
        count = self._blocks_of(elements)
        if count == self._length:
            return count
        missing = elements - self.elements_of(count)
        return count + int(2 * missing > self.elements_of(count + 1) - self.elements_of(count))

    def kept(self, count: int) -> np.ndarray:
        """The blocks that are kept when the first `count` go."""
        ranking = self._ranking
        return ~lowest(ranking.scores, count, first=~ranking.kept, among=ranking.candidates)

    def _blocks_of(self, elements: float) -> int:
        """How many of the first blocks have at most so many elements."""
        if self._ends is None:
            return min(self._length, int(elements // max(1, self.largest)))
        return int(np.searchsorted(self._ends, elements, side="right"))

    def _blocks_reaching(self, elements: float) -> int:
        """How many of the first blocks have at least so many elements."""
        count = self._blocks_of(max(0.0, elements))
        return count + int(self.elements_of(count) < elements)


def _ends_of_blocks(ranking: Ranking, waiting: np.ndarray) -> np.ndarray:
    """Elements that have gone with each block of the queue, where blocks differ in size."""
    order = np.lexsort((_numbers(ranking.scores), ranking.kept.ravel()))
    order = order[(waiting | ~ranking.kept).ravel()[order]]
    return np.cumsum(ranking.sizes.ravel()[order], dtype=np.int64)


def _numbers(scores: np.ndarray, marked: np.ndarray | None = None) -> np.ndarray:
    """A copy of the marked scores in which NaN and infinity are the highest number."""
    picked = scores.ravel() if marked is None or marked.all() else scores[marked]
    return np.fmin(picked.astype(np.float64, copy=False), _HIGHEST)


def _shares(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Square of each score over the sum of the squares that are left when it goes.

    Args:
        scores: Ascending scores of blocks, in the order in which they go.
        others: Scores of blocks that stay.

    Returns:
        Array of the shape of `scores`, not falling; infinity for the highest
        number, which stands for no number.
    """
    least = min(scores.min(initial=0.0), others.min(initial=0.0))
    if least < 0.0:
        raise ValueError(
            "`criterion` should give scores of at least 0 for a global ranking. "
            f"Received: a score of {least}"
        )
    numbers = scores[: np.searchsorted(scores, _HIGHEST)]
    others = others[others < _HIGHEST]
    # The highest becomes 1, so that no square overflows.
    unit = max(numbers.max(initial=0.0), others.max(initial=0.0)) or 1.0
    squares = np.square(numbers / unit)
    left = np.cumsum(squares[::-1])[::-1]
    left += np.square(others / unit).sum()
    np.divide(squares, left, out=squares, where=left > 0.0)
    return np.concatenate([squares, np.full(scores.size - numbers.size, np.inf)])
