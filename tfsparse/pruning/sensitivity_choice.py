"""Settings for each kernel, out of what was tried: one row of `sensitivity` for each, or none."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tfsparse.pruning.predicted_time import Speedup
from tfsparse.pruning.time_budget import least_error


@dataclasses.dataclass(frozen=True)
class Sensitivity:
    """The model with one kernel pruned.

    Attributes:
        kernel: Path of the kernel's layer in the model.
        pattern: Pattern, as ``"4x1"``.
        sparsity: Sparsity that was asked for.
        actual_sparsity: Zero elements over all elements of the kernel.
        metrics: What the evaluation returned, by name.
        speedup: Predicted speed-up of the converted model, all products together; None if it
            was not asked for.
    """

    kernel: str
    pattern: str
    sparsity: float
    actual_sparsity: float
    metrics: dict[str, float]
    speedup: float | None = None


Lost = Sequence[tuple[Sensitivity, float]]
"""Rows, and how much worse than the baseline the model is in each."""


def sparsest(lost: Lost, max_loss: float) -> dict[str, Sensitivity | None]:
    """The sparsest row of each kernel that costs no more than a loss."""
    best: dict[str, Sensitivity | None] = {row.kernel: None for row, _ in lost}
    for row, loss in lost:
        known = best[row.kernel]
        if loss <= max_loss and (known is None or row.sparsity > known.sparsity):
            best[row.kernel] = row
    return best


def fastest_enough(
    lost: Lost, unpruned: float | None, goal: float | None
) -> dict[str, Sensitivity | None]:
    """A row of each kernel, so that all together reach a speed-up with the least sum of losses.

    Args:
        lost: The rows, whose speed-ups are those of the model with the one kernel pruned.
        unpruned: Speed-up with no kernel pruned.
        goal: What is to be reached.

    Raises:
        ValueError: If it cannot be, or no speed-up was predicted.
    """
    unpruned = check_predicted(unpruned)
    if goal is None:
        raise ValueError("`max_loss` or `speedup` should be given. Received: neither")
    goal = Speedup(goal).factor
    rows: dict[str, list[Sensitivity | None]] = {row.kernel: [None] for row, _ in lost}
    losses: dict[str, list[float]] = {kernel: [0.0] for kernel in rows}
    saved: dict[str, list[float]] = {kernel: [0.0] for kernel in rows}
    for row, loss in lost:
        rows[row.kernel].append(row)
        losses[row.kernel].append(max(loss, 0.0))  # a gain is noise
        saved[row.kernel].append(1.0 / unpruned - 1.0 / check_predicted(row.speedup))
    least = 1.0 / unpruned - sum(map(max, saved.values()))
    if 1.0 / goal < least:
        raise ValueError(
            f"`speedup` should be at most {1.0 / least:.3g}, what the rows can bring. "
            f"Received: speedup={goal}"
        )
    # Times count from what all kernels take that were not tried.
    times = [[max(one) - each for each in one] for one in saved.values()]
    chosen = least_error(list(losses.values()), times, 1.0 / goal - least)
    return {kernel: rows[kernel][choice] for kernel, choice in zip(rows, chosen, strict=True)}


def check_predicted(speedup: float | None) -> float:
    """A speed-up that was predicted.

    Raises:
        ValueError: If it was not.
    """
    if speedup is None:
        raise ValueError(
            "`speedup` should be given to `tfsparse.sensitivity`, which predicts times then. "
            "Received: a report without them"
        )
    return speedup
