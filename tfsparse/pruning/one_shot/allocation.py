"""Sparsities of kernels under a total, by the errors that were measured.

Each kernel has a curve: the error of its outputs after so many blocks, as a share of what it
puts out. Blocks go where the curves rise least for each element that goes, which makes the
sum of these errors as small as it can be for the total: the curves are convex, because
blocks go in the order of their losses.

The bounds are those of `tfsparse.Scope`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfsparse.pruning.selection import Ranking, select


def allocate(
    rankings: Sequence[Ranking],
    energies: Sequence[float],
    sparsity: float,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> list[float]:
    """Divides a sparsity among kernels.

    Args:
        rankings: For each kernel the losses of its blocks.
        energies: For each kernel what losses are to be compared with.
        sparsity: Share of the elements of all kernels to prune.
        bounds: The least and the greatest sparsity of a kernel.

    Returns:
        The sparsity of each kernel.

    Raises:
        ValueError: If the bounds or the patterns do not allow the total.

    Example:

    >>> def ranking(scores):
    ...     ones = np.ones((1, 1, 4))
    ...     return Ranking(np.array([[scores]]), ones > 0, ones, ones > 0)
    >>> rankings = [ranking([1.0, 2.0, 3.0, 4.0]), ranking([10.0, 30.0, 50.0, 70.0])]
    >>> allocate(rankings, [10.0, 400.0], 0.5)
    [0.25, 0.75]
    """
    bounded = [_bounded(ranking, *bounds) for ranking in rankings]
    losses = [
        (ranking.scores / np.maximum(ranking.sizes * energy, np.finfo(float).tiny)).ravel()
        for ranking, energy in zip(bounded, energies, strict=True)
    ]
    joined = Ranking(
        np.concatenate(losses),
        *(
            np.concatenate([getattr(ranking, name).ravel() for ranking in bounded])
            for name in ("kept", "sizes", "candidates")
        ),
    )
    _check(joined, sparsity, bounds)
    ends = np.cumsum([loss.size for loss in losses])[:-1]
    gone = np.split(np.where(select(joined, sparsity), 0, joined.sizes), ends)
    return [
        float(lost.sum() / ranking.sizes.sum()) for lost, ranking in zip(gone, bounded, strict=True)
    ]


def _bounded(ranking: Ranking, low: float, high: float) -> Ranking:
    """A ranking in which no more may go than the bounds say, and what has to go is gone."""
    allowed = ranking.candidates & ~select(ranking, high) if high < 1.0 else ranking.candidates
    forced = ranking.kept & select(ranking, low) if low > 0.0 else ranking.kept
    return dataclasses.replace(ranking, kept=forced, candidates=allowed | ~forced)


def _check(joined: Ranking, sparsity: float, bounds: tuple[float, float]) -> None:
    elements = joined.sizes.sum()
    reach = joined.sizes[joined.candidates].sum() / elements
    # Rounding to blocks may leave out one in each kernel.
    if reach + joined.sizes.max() / elements < sparsity:
        raise ValueError(
            f"`sparsity` should be at most {reach:.6g}, what the patterns of the kernels and the "
            f"scope allow. Received: sparsity={sparsity}, bounds={bounds}"
        )
