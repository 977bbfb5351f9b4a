"""One ranking over several kernels: how many blocks each of them loses.

What. Under one target for a whole model, a kernel that has much to lose keeps
more than one that has little. Within a kernel the order is that of its own
criterion, so all there is to decide is how many blocks each kernel loses.

Normalisation. Scores of different kernels cannot be compared as they are: scale
one layer up and the next one down, and the model is the same but the ranking is
not; the layer whose weights happen to be smallest would be emptied. LAMP (Lee et
al., 2021) ranks a weight by its square over the sum of the squares of the weights
of its kernel that would still be there: the share of what is left that goes with
it. Removing in this order keeps small, to first order, what the output of the
model can change by, it needs no parameter, and since the last weight of a kernel
scores highest of all, no kernel is emptied before the others. For a block b with
the criterion's score s, in a kernel with blocks of ``|b|`` elements on average,

``rank_b = s_b^2 / (|b| * sum of s_c^2 over the blocks c that go no earlier than b)``

where dividing by ``|b|`` makes it a loss per element removed, so that kernels with
blocks of different sizes can be ranked together. For blocks of one element under
``"l2_norm"`` this is LAMP. Only ratios of scores within a kernel enter, so it
serves any criterion whose scores are not negative, in whatever units.

Bounds. Every kernel loses at least `min_sparsity`, rounded up to blocks, and at
most `max_sparsity`, rounded down: less than everything stays less.

Exactness. The elements that are pruned in all kernels come as near to the target
as blocks allow. Blocks that are pruned already are the first of their kernel, so
they stay pruned while the target does not fall; if it falls, kernels give back in
proportion to what they have lost. One kernel alone is ranked as it is locally.

Cost. A sort of the scores of each kernel, without their order, in as many threads
as there are processors; the cut through all of them then takes a few binary
searches, and `lowest` finds the blocks again that lie below it.

Reference:

- Lee et al., "Layer-adaptive Sparsity for the Magnitude-based Pruning", ICLR 2021.
"""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Sequence

import numpy as np

from tfsparse.pruning.block_queue import SLACK, BlockQueue
from tfsparse.pruning.selection import Ranking


def select_globally(
    rankings: Sequence[Ranking],
    sparsity: float,
    min_sparsity: float = 0.0,
    max_sparsity: float = 1.0,
) -> list[np.ndarray]:
    """Chooses the blocks to keep in several kernels that share a target.

    Args:
        rankings: One for each kernel.
        sparsity: Share of the elements of all kernels to prune, in [0, 1).
        min_sparsity: Share of its elements that every kernel loses at least.
        max_sparsity: Share of its elements that every kernel loses at most.

    Returns:
        For each kernel a bool array of the shape of its scores, True where a
        block is kept.

    Raises:
        ValueError: If the bounds, or the candidates of the rankings, do not
            allow the target, or if a score is negative.

    Example:

    >>> def ranking(scores):
    ...     scores = np.array([[scores]])
    ...     ones = np.ones_like(scores)
    ...     return Ranking(scores, ones > 0, ones, ones > 0)
    >>> rankings = [ranking([5.0, 4.0, 3.0, 0.1]), ranking([2.0, 1e-3, 2e-3, 1e-3])]
    >>> [kept.ravel().tolist() for kept in select_globally(rankings, 0.5)]
    [[True, True, True, False], [True, False, False, False]]
    """
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        queues = list(pool.map(lambda r: BlockQueue(r, min_sparsity, max_sparsity), rankings))
        _check(queues, sparsity, min_sparsity, max_sparsity)
        return list(pool.map(BlockQueue.kept, queues, _counts(queues, sparsity)))


def _counts(queues: Sequence[BlockQueue], sparsity: float) -> list[int]:
    """How many blocks of each kernel go."""
    largest = max(queue.largest for queue in queues)
    if all(queue.is_even and queue.largest == largest for queue in queues):
        budget: float = round(sparsity * sum(queue.blocks for queue in queues)) * largest
    else:
        budget = sparsity * sum(queue.elements for queue in queues)
        given = [queue.given for queue in queues]
        # As in `lowest`: no other choice could do better, so nothing changes.
        if any(given) and abs(_elements(queues, given) - budget) <= largest / 2:
            return given
    counts, ends = _cut(queues, budget)
    for index, queue in enumerate(queues):
        rest = budget - _elements(queues, counts)
        if rest <= 0:
            break
        counts[index] = min(ends[index], queue.nearest(queue.elements_of(counts[index]) + rest))
    return counts


def _cut(queues: Sequence[BlockQueue], budget: float) -> tuple[list[int], list[int]]:
    """Where the queues are cut so that what goes has lower ranks than what stays.

    Returns:
        For each queue the number of blocks that rank below the cut, and the
        number of those that rank at most at it. The first have no more elements
        than the budget; the second have at least as many, if there are as many.
    """
    begins, ends = [0 for _ in queues], [queue.ranks.size for queue in queues]
    while begins != ends:
        rank = _middle(queues, begins, ends)
        below = [int(np.searchsorted(queue.ranks, rank, side="left")) for queue in queues]
        upto = [int(np.searchsorted(queue.ranks, rank, side="right")) for queue in queues]
        if budget < _elements(queues, below):
            ends = below
        elif budget > _elements(queues, upto):
            begins = upto
        else:
            return below, upto
    return begins, ends


def _middle(queues: Sequence[BlockQueue], begins: list[int], ends: list[int]) -> float:
    """A rank that is neither among the lowest nor the highest quarter of what is left."""
    spans = zip(queues, begins, ends, strict=True)
    left = sorted((queue.ranks[(b + e) // 2], e - b) for queue, b, e in spans if e > b)
    weights = np.cumsum([weight for _, weight in left])
    return float(left[int(np.searchsorted(weights, weights[-1] / 2))][0])


def _elements(queues: Sequence[BlockQueue], counts: Sequence[int]) -> int:
    """Elements of the first blocks of all queues."""
    return sum(queue.elements_of(count) for queue, count in zip(queues, counts, strict=True))


def _check(queues: Sequence[BlockQueue], sparsity: float, low: float, high: float) -> None:
    if not 0.0 <= low <= sparsity <= high <= 1.0:
        raise ValueError(
            "`sparsity` should lie between `min_sparsity` and `max_sparsity`, or no choice of "
            f"blocks reaches it. Received: sparsity={sparsity}, min_sparsity={low}, "
            f"max_sparsity={high}"
        )
    elements = sum(queue.elements for queue in queues)
    reach = sum(queue.most for queue in queues)
    if sparsity * elements > reach * (1.0 + SLACK):
        raise ValueError(
            f"`sparsity` should be at most {reach / elements:.6g}, what the patterns of the "
            f"kernels and `max_sparsity` allow. Received: sparsity={sparsity}, max_sparsity={high}"
        )
