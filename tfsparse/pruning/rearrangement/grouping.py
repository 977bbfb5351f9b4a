"""Puts channels into groups of A, so that pruning in blocks of A loses least.

What: a block Ax1 is A channels at one input. Pruned to a sparsity, a kernel keeps its blocks of
greatest sum of squares. The order of channels is to make what is kept as much as it can be:
channels that need the same inputs go together.

How: with a threshold t at the sparsity's quantile of the block sums S, what is kept is
``sum max(0, S - t)``, but for a constant. That is a sum over groups, so to exchange two channels
concerns their groups alone. In each step every group gives one member, the gain of every exchange
of two of them is computed at once, and the best ones that do not touch each other are made. The
threshold is taken anew in each sweep over the members.

It begins with channels sorted by norm, and again with groups that were filled one by one, each
with the channels most like it. The better end is taken.

Cost: for N channels in groups of A, and m inputs, ``N^2 / A * m`` additions a sweep, and ``N^2 *
m`` multiplications to fill groups.

Reference:

- Lin et al., "1xN Pattern for Pruning Convolutional Neural Networks", 2022 (sorted by norm).
- Pool and Yu, "Channel Permutations for N:M Sparsity", NeurIPS 2021 (exchanges).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SWEEPS = 20


def grouped(squares: Sequence[np.ndarray], size: int, sparsity: float) -> np.ndarray:
    """An order of channels.

    Args:
        squares: For each kernel whose rows the channels are, the squares of its weights,
            ``(channels, inputs)``.
        size: Channels in a group, A.
        sparsity: Share of blocks that will go.

    Returns:
        int64 ``(channels,)``: which channel comes where. Those that fill no group are last.

    Example:

    >>> kernel = np.array([[9, 0], [0, 9], [9, 0], [0, 9]])
    >>> grouped([kernel], 2, 0.5).tolist()
    [0, 2, 1, 3]
    """
    # Each kernel counts alike, and its inputs lie side by side.
    parts = [one / max(float(one.sum()), np.finfo(float).tiny) for one in squares]
    features = np.concatenate(parts, axis=1)
    ends = np.cumsum([one.shape[1] for one in parts])[:-1]
    order = np.argsort(-features.sum(axis=1), kind="stable")
    whole = len(order) // size * size
    starts = order[:whole].reshape(-1, size), _alike(features, order[:whole], size)
    groups, _ = max((_improved(s, features, ends, sparsity) for s in starts), key=lambda e: e[1])
    return np.concatenate([np.sort(groups, axis=1).ravel(), order[whole:]])


def kept_share(squares: np.ndarray, height: int, width: int, sparsity: float) -> float:
    """Share of the sum of squares that the best blocks of a matrix hold.

    Args:
        squares: Squares of its elements, ``(out, in)``.
        height: Rows of a block.
        width: Columns of a block.
        sparsity: Share of blocks that go.
    """
    rows, columns = squares.shape
    padded = np.pad(squares, [(0, -rows % height), (0, -columns % width)])
    blocks = padded.reshape(len(padded) // height, height, -1, width).sum(axis=(1, 3)).ravel()
    total = float(blocks.sum())
    return _top(blocks, sparsity) / total if total > 0.0 else 1.0


def _alike(features: np.ndarray, order: np.ndarray, size: int) -> np.ndarray:
    """Groups filled one by one: the first channel that is left, and those most like the group."""
    lengths = np.sqrt(np.square(features).sum(axis=1, keepdims=True))
    directions = features / np.maximum(lengths, np.finfo(float).tiny)
    left = list(order)
    groups = []
    while left:
        group = [left.pop(0)]
        while len(group) < size:
            like = directions[left] @ directions[group].sum(axis=0)
            group.append(left.pop(int(like.argmax())))
        groups.append(group)
    return np.array(groups).reshape(-1, size)


def _improved(
    groups: np.ndarray, features: np.ndarray, ends: np.ndarray, sparsity: float
) -> tuple[np.ndarray, float]:
    """Groups after exchanges, and what they keep."""
    groups = groups.copy()
    best, most = groups.copy(), -1.0
    for _ in range(SWEEPS):
        sums = features[groups].sum(axis=1)
        limits = _limits(sums, ends, sparsity)
        kept = sum(_top(part, sparsity) for part in np.split(sums, ends, axis=1))
        if kept > most:
            best, most = groups.copy(), kept
        if not sum(_exchange(groups, place, features, limits) for place in range(groups.shape[1])):
            break
    return best, most


def _top(sums: np.ndarray, sparsity: float) -> float:
    """Sum of those that are left where the least go."""
    return float(np.sort(sums, axis=None)[round(sparsity * sums.size) :].sum())


def _limits(sums: np.ndarray, ends: np.ndarray, sparsity: float) -> np.ndarray:
    """The threshold of each input: that of its kernel."""
    parts = np.split(sums, ends, axis=1)
    limits = [np.full(part.shape[1], np.quantile(part, sparsity)) for part in parts]
    return np.concatenate(limits)


def _exchange(groups: np.ndarray, place: int, features: np.ndarray, limits: np.ndarray) -> int:
    """Exchanges members at one place between groups, and returns how many exchanges it made."""
    members = groups[:, place].copy()
    without = features[groups].sum(axis=1) - features[members]
    # What a group keeps with the member of each other one.
    kept = np.stack(
        [np.maximum(one + features[members] - limits, 0.0).sum(axis=1) for one in without]
    )
    own = np.diagonal(kept)
    gains = np.triu(kept + kept.T - own[:, None] - own[None, :], 1)
    free = np.ones(len(groups), dtype=bool)
    made = 0
    for pair in np.argsort(-gains, axis=None):
        one, other = divmod(int(pair), len(groups))
        if gains[one, other] <= 1e-12:
            break
        if free[one] and free[other]:
            groups[[one, other], place] = members[[other, one]]
            free[[one, other]] = False
            made += 1
    return made
