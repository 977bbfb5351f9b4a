"""The lowest of many scores: an exact number of them, ties in row order, in linear time.

What. `lowest` marks the blocks to prune. How many is exact, equal scores are
taken in row order, so that the result depends on nothing but the arguments, and
blocks that come `first` (those that are pruned already) are all taken before
any other.

Why not a sort. A stable sort of the 25 million blocks of a model of 100 million
parameters takes seconds. All that is needed of the order is the place where it
is cut. A random sample of the scores tells between which two values that place
lies; below and above them counting is enough, and the few scores in between are
cut in the same way. The sample decides how long this takes, never the result.

Cost. About six passes over the scores, each as fast as memory is, and a few
bytes for each score; another eight where some blocks are left out. It does not
matter how many scores are equal.

Contract. Where all blocks are of one size, ``round(budget / size)`` of them are
marked. Where sizes differ, blocks are taken as long as this brings the sum of
their sizes nearer to the budget. Those that come `first` can then miss it by up
to half a block, and are given back as they are in that case: asking again with
the same budget must change nothing.
"""

from __future__ import annotations

import numpy as np

# So few scores are best sorted.
_FEW = 1 << 14
# Scores that are drawn to find the cut, and how far off, as a share of all scores,
# they may put it: six standard deviations of a median of that many.
_SAMPLE = 1 << 14
_MARGIN = 6 * 0.5 / _SAMPLE**0.5


def lowest(
    scores: np.ndarray,
    budget: float,
    sizes: np.ndarray | None = None,
    first: np.ndarray | None = None,
    among: np.ndarray | None = None,
) -> np.ndarray:
    """Marks the lowest scores whose sizes add up to `budget`.

    Args:
        scores: float array of any shape. NaN counts as highest.
        budget: Sum of the sizes to mark, in elements. All blocks are marked
            where there are not as many.
        sizes: Elements of each block, positive integers; broadcasts to the
            shape of the scores. By default 1, so that `budget` is a number of
            blocks.
        first: bool array of the shape of the scores: blocks that are marked
            before all others, whatever their scores. By default none.
        among: bool array of that shape: the blocks that may be marked beside
            those. By default all.

    Returns:
        bool array of the shape of the scores.

    Example:

    >>> lowest(np.array([3.0, 1.0, 1.0, np.nan, 1.0]), 2).tolist()
    [False, True, True, False, False]
    >>> lowest(np.array([3.0, 1.0, 2.0]), 6, sizes=np.array([4, 4, 2])).tolist()
    [False, True, True]
    """
    shape, values = scores.shape, np.ascontiguousarray(scores).ravel()
    budget, weights = _in_blocks(budget, sizes, shape)
    begun = None if first is None else np.ravel(first)
    pool = None if among is None else np.ravel(among)
    taken = 0 if begun is None else _total(begun, weights)
    if begun is None:
        marked = _cut(_pool_lowest(values, pool), weights, _capped(budget, pool, weights))
    elif taken and weights is not None and abs(taken - budget) <= weights.max() / 2:
        marked = begun.copy()
    elif taken > budget:
        marked = _cut(_pool_lowest(values, begun), weights, budget)
    else:
        pool = ~begun if pool is None else pool & ~begun
        budget = _capped(budget - taken, pool, weights)
        marked = begun | _cut(_pool_lowest(values, pool), weights, budget)
    return marked.reshape(shape)


def _in_blocks(
    budget: float, sizes: np.ndarray | None, shape: tuple[int, ...]
) -> tuple[float, np.ndarray | None]:
    """The budget as a number of blocks and None, or as it is and the size of each block."""
    if sizes is None:
        return round(budget), None
    sizes = np.asarray(sizes)
    if sizes.size == 0 or sizes.min() == sizes.max():
        return round(budget / sizes.flat[0]) if sizes.size else 0, None
    # In as few bytes as they need: there may be millions, and they are read often.
    return budget, np.broadcast_to(sizes.astype(np.min_scalar_type(sizes.max())), shape).ravel()


def _total(marked: np.ndarray, weights: np.ndarray | None) -> float:
    """Sum of the sizes of marked blocks."""
    if weights is None:
        return int(np.count_nonzero(marked))
    return int(np.multiply(weights, marked).sum(dtype=np.int64))


def _capped(budget: float, pool: np.ndarray | None, weights: np.ndarray | None) -> float:
    return budget if pool is None else min(budget, _total(pool, weights))


def _pool_lowest(values: np.ndarray, pool: np.ndarray | None) -> np.ndarray:
    """The values, but outside of the pool infinity, which is higher than any in it."""
    # The maximum is NaN if any value is.
    if pool is None and not (values.size and np.isnan(values.max())):
        return values
    # `fmin` takes the number where the other is NaN.
    values = np.fmin(values, np.finfo(values.dtype).max)
    if pool is not None:
        np.copyto(values, np.inf, where=~pool)
    return values


def _cut(
    values: np.ndarray, weights: np.ndarray | None, budget: float, margin: float = _MARGIN
) -> np.ndarray:
    """Marks the lowest values up to a budget; the values hold no NaN."""
    if values.size <= _FEW or margin >= 1.0:
        order = np.argsort(values, kind="stable")
        marked = np.zeros(values.size, dtype=bool)
        marked[order[: _how_many(_at(weights, order), order.size, budget)]] = True
        return marked
    low, high = _bracket(values, weights, budget, margin)
    marked = values < low
    rest = budget - _total(marked, weights)
    if rest >= 0:
        for layer in (values == low, (values > low) & (values < high), values == high):
            whole = _total(layer, weights)
            if rest < whole:
                index = np.flatnonzero(layer)
                inner = _at(weights, index)
                if values[index[0]] in (low, high):
                    marked[index[: _how_many(inner, index.size, rest)]] = True
                else:
                    marked[index[_cut(values[index], inner, rest)]] = True
                return marked
            marked |= layer
            rest -= whole
        if rest == 0 or marked.all():
            return marked
    # The sample misled: the cut is not where it said.
    return _cut(values, weights, budget, 4 * margin)


def _bracket(
    values: np.ndarray, weights: np.ndarray | None, budget: float, margin: float
) -> tuple[float, float]:
    """Two values between which the cut almost certainly lies."""
    drawn = np.random.default_rng(0).integers(values.size, size=_SAMPLE)
    order = np.argsort(values[drawn])
    sample = values[drawn][order]
    if weights is None:
        center = budget / values.size * _SAMPLE
    else:
        sums = np.cumsum(weights[drawn][order], dtype=np.int64)
        whole = int(weights.sum(dtype=np.int64))
        center = float(np.searchsorted(sums, budget / whole * sums[-1]))
    begin, end = center - margin * _SAMPLE, center + margin * _SAMPLE
    low = sample[int(begin)] if begin >= 0 else -np.inf
    return low, (sample[int(end)] if end < _SAMPLE else np.inf)


def _how_many(weights: np.ndarray | None, count: int, budget: float) -> int:
    """How many blocks, taken in order, come nearest to the budget."""
    if weights is None:
        return int(min(max(budget, 0), count))
    ends = np.cumsum(weights, dtype=np.int64)
    whole = int(np.searchsorted(ends, budget, side="right"))
    if whole == count:
        return count
    missing = budget - (ends[whole - 1] if whole else 0)
    return whole + int(missing > weights[whole] / 2)


def _at(weights: np.ndarray | None, index: np.ndarray) -> np.ndarray | None:
    return None if weights is None else weights[index]
