"""Chooses one of several settings for each kernel: the least error that fits into a time.

What: a knapsack. Each kernel has choices (sparsities, patterns), each with an error and a time. The
errors add up, and so do the times.

How: times over the least of their kernel are rounded to parts of what is to spare, and the best
error for every number of parts is found kernel by kernel (dynamic programming). They are rounded
up, unless the budget is kept without that. So what is lost is one part for each kernel at most.

Cost: ``kernels * choices * PARTS`` additions.

Reference:

- Frantar and Alistarh, "SPDY: Accurate Pruning with Speedup Guarantees", ICML 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

PARTS = 10_000


def least_error(
    errors: Sequence[Sequence[float]], times: Sequence[Sequence[float]], budget: float
) -> list[int]:
    """Chooses for each kernel.

    Args:
        errors: For each kernel the error of each choice.
        times: For each kernel the time of each choice, likewise.
        budget: What the times may add up to.

    Returns:
        For each kernel the number of its choice.

    Raises:
        ValueError: If even the fastest choices take longer.

    Example:

    >>> least_error([[0.0, 1.0, 4.0], [0.0, 3.0]], [[9.0, 5.0, 4.0], [9.0, 4.0]], 14.0)
    [1, 0]
    """
    fastest = [min(one) for one in times]
    spare = budget - sum(fastest)
    if spare < 0.0:
        raise ValueError(
            f"`budget` should be at least {sum(fastest):.6g}, what the fastest choices take. "
            f"Received: budget={budget:.6g}"
        )
    for rounding in (np.floor, np.ceil):
        parts = [
            [_parts(one - least, spare, rounding) for one in time]
            for time, least in zip(times, fastest, strict=True)
        ]
        chosen = _chosen(errors, parts)
        # Rounded down they may take too long, and rounded up they cannot.
        if sum(time[choice] for time, choice in zip(times, chosen, strict=True)) <= budget:
            break
    return chosen


def _chosen(errors: Sequence[Sequence[float]], parts: Sequence[Sequence[int]]) -> list[int]:
    """The best choices whose parts add up to no more than all."""
    best = np.zeros(PARTS + 1)
    taken = []
    for error, part_of in zip(errors, parts, strict=True):
        candidates = np.full((len(part_of), PARTS + 1), np.inf)
        for row, part, one in zip(candidates, part_of, error, strict=True):
            if part <= PARTS:
                row[part:] = best[: PARTS + 1 - part] + one
        taken.append(candidates.argmin(axis=0))
        best = candidates.min(axis=0)
    left, chosen = PARTS, []
    for choice, part_of in zip(reversed(taken), reversed(parts), strict=True):
        chosen.append(int(choice[left]))
        left -= part_of[chosen[-1]]
    return chosen[::-1]


def _parts(time: float, spare: float, rounding: Callable[[float], float]) -> int:
    if time <= 0.0:
        return 0
    return PARTS + 1 if time > spare else int(rounding(time / spare * PARTS))
